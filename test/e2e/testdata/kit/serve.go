package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"time"
)

// serve answers HTTP on 8080, echoes on 7000, and is an aggregated API on 8443.
func serve([]string) error {
	failed := make(chan error, 3)
	go func() { failed <- http.ListenAndServe(":8080", http.HandlerFunc(page)) }()
	go func() { failed <- echo(":7000") }()
	go func() { failed <- aggregated(":8443") }()
	fmt.Println("kit serves")
	go func() { wait(); failed <- nil }()
	return <-failed
}

func page(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %d bytes\n", r.Method, r.URL.Path, len(body))
}

func echo(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}()
	}
}

const (
	group     = "kit.fairlead.test"
	resources = `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"` + group + `/v1","resources":[
{"name":"greetings","singularName":"greeting","namespaced":true,"kind":"Greeting","verbs":["get","list"]}]}`
	greeting = `{"kind":"Greeting","apiVersion":"` + group + `/v1","metadata":{"name":"hello","namespace":"kit"},"said":"hello"}`
	list     = `{"kind":"GreetingList","apiVersion":"` + group + `/v1","metadata":{},"items":[` + greeting + `]}`
)

func aggregated(address string) error {
	pair, err := certificate()
	if err != nil {
		return err
	}
	const at = "/apis/" + group + "/v1"
	mux := http.NewServeMux()
	for path, answer := range map[string]string{
		at: resources, at + "/greetings": list, at + "/namespaces/kit/greetings": list, at + "/namespaces/kit/greetings/hello": greeting,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, answer)
		})
	}
	server := &http.Server{Addr: address, Handler: mux, TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}}}
	return server.ListenAndServeTLS("", "")
}

func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"kit.kit.svc"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
