package kube

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// Container is one whose log is read. Previous means the run before the one that is.
type Container struct {
	Namespace, Pod, Name string
	Previous             bool
}

// Log returns the last lines of what a container wrote, up to a number of lines and of bytes.
func (c *Client) Log(ctx context.Context, of Container, lines, bytes int64) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body, err := c.discovery.RESTClient().Get().AbsPath("api", "v1", "namespaces", of.Namespace, "pods", of.Pod, "log").
		Param("container", of.Name).Param("previous", strconv.FormatBool(of.Previous)).
		Param("tailLines", strconv.FormatInt(lines, 10)).Stream(ctx)
	if err != nil {
		return "", fmt.Errorf("read the log of %s in pod %s: %w", of.Name, of.Pod, err)
	}
	defer func() { _ = body.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(body, bytes))
	if err != nil {
		return "", fmt.Errorf("read the log of %s in pod %s: %w", of.Name, of.Pod, err)
	}
	if NoLog(string(text), of.Namespace, of.Pod) {
		return "", fmt.Errorf("read the log of %s in pod %s: the kubelet has none", of.Name, of.Pod)
	}
	return string(text), nil
}

// noLog are the kubelet's words in place of a log that it does not find, as between two runs of a container.
var noLog = regexp.MustCompile(`^(?:unable to retrieve container logs for \S+|failed to (?:try resolving symlinks in path|open log file) "[^"]*/([^"/]*)_[^"/_]*/[^"]*":.*)\s*$`)

// NoLog reports whether what was read as the log of a pod's container only says that there is none. Files of logs are in folders with
// the names of pods; what a program writes of other files is a log.
func NoLog(text, namespace, pod string) bool {
	m := noLog.FindStringSubmatch(text)
	return m != nil && (m[1] == "" || m[1] == namespace+"_"+pod)
}
