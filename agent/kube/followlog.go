package kube

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"
)

// FollowLog returns what a container writes, each line with the time at which it was written before it, and goes on with it until the
// container or ctx ends. It begins with the lines that were written in the second of since or later; of the zero time, with the last
// ones up to that number.
func (c *Client) FollowLog(ctx context.Context, of Container, since time.Time, last int64) (io.ReadCloser, error) {
	request := c.discovery.RESTClient().Get().AbsPath("api", "v1", "namespaces", of.Namespace, "pods", of.Pod, "log").
		Param("container", of.Name).Param("follow", "true").Param("timestamps", "true")
	if since.IsZero() {
		request = request.Param("tailLines", strconv.FormatInt(last, 10))
	} else {
		request = request.Param("sinceTime", since.UTC().Format(time.RFC3339))
	}
	body, err := request.Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("follow the log of %s in pod %s: %w", of.Name, of.Pod, err)
	}
	return body, nil
}
