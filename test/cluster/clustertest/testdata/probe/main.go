// Command probe is what the tests' pods run: it serves, resolves and fetches, as one static binary.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: probe serve ADDRESS | resolve NAME | fetch URL")
		os.Exit(2)
	}
	actions := map[string]func(string) error{"serve": serve, "resolve": resolve, "fetch": fetch}
	if err := actions[os.Args[1]](os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(address string) error {
	fmt.Println("probe serves on", address)
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path)
		fmt.Fprintln(w, "answer of the probe")
	}))
}

func resolve(name string) error {
	addresses, err := net.DefaultResolver.LookupHost(context.Background(), name)
	fmt.Println(addresses)
	return err
}

func fetch(url string) error {
	client := http.Client{Timeout: 3 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}
