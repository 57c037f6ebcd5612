package kube

import (
	"context"
	"fmt"
	"io"
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
	return string(text), nil
}
