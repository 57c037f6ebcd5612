// Command kit is what pods of the tests run: one static binary that serves, echoes, counts, fails on purpose, and can tar.
package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	os.Exit(run(filepath.Base(os.Args[0]), os.Args[1:]))
}

func run(name string, args []string) int {
	if name == "kit" && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	commands := map[string]func([]string) error{
		"serve": serve, "cat": cat, "sum": sum, "bytes": writeBytes, "tty": tty, "greet": greet, "count": count, "lines": lines,
		"tar": tarFiles, "write": write,
	}
	switch command := commands[name]; {
	case name == "exit":
		return fail(args)
	case name == "test":
		return isFolder(args)
	case command == nil:
		fmt.Fprintln(os.Stderr, "kit does not know", name)
		return 2
	default:
		if err := command(args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
}

// fail says something on both streams, or on that of errors alone what it was given to say, and ends with a code.
func fail(args []string) int {
	if len(args) == 1 {
		fmt.Println("to the output")
		fmt.Fprintln(os.Stderr, "to the errors")
	}
	for _, line := range args[1:] {
		fmt.Fprintln(os.Stderr, line)
	}
	code, _ := strconv.Atoi(args[0])
	return code
}

func isFolder(args []string) int {
	found, err := os.Stat(args[len(args)-1])
	if err != nil || !found.IsDir() {
		return 1
	}
	return 0
}

func cat([]string) error {
	_, err := io.Copy(os.Stdout, os.Stdin)
	return err
}

func sum([]string) error {
	hash := sha256.New()
	n, err := io.Copy(hash, os.Stdin)
	fmt.Printf("%d %x\n", n, hash.Sum(nil))
	return err
}

// pattern are bytes that repeat only after 251, so that what is lost or doubled shows.
type pattern struct{ at int }

func (p *pattern) Read(into []byte) (int, error) {
	for i := range into {
		into[i] = byte((p.at + i) % 251)
	}
	p.at += len(into)
	return len(into), nil
}

func writeBytes(args []string) error {
	n, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	_, err = io.CopyN(os.Stdout, &pattern{}, n)
	return err
}

func write(args []string) error { return os.WriteFile(args[0], []byte(args[1]), 0o644) }

// tty says whether the input is a terminal, and repeats one line of it.
func tty([]string) error {
	var size [4]uint16
	_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	fmt.Println("terminal", failed == 0)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Printf("read %q\n", line)
	return err
}

// greet answers every line, which is what attach is tried with.
func greet([]string) error {
	fmt.Println("who is there?")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println("hello", in.Text())
	}
	wait()
	return nil
}

func count(args []string) error {
	n, err := strconv.Atoi(args[0])
	for i := range n {
		fmt.Println("number", i)
		time.Sleep(20 * time.Millisecond)
	}
	wait()
	return err
}

// lines writes so many lines at once and waits.
func lines(args []string) error {
	n, err := strconv.Atoi(args[0])
	out := bufio.NewWriter(os.Stdout)
	for i := range n {
		fmt.Fprintf(out, "line %d of what a busy pod says\n", i)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	wait()
	return err
}

func wait() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
}
