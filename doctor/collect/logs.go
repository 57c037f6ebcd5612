package collect

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	maxLogs     = 150     // runs of containers whose logs are read
	maxLogBytes = 1 << 20 // of one run
	crashLines  = 50
	usualLines  = 200
)

// readLogs reads the logs that are needed of the pods that there are.
func (c *collector) readLogs(ctx context.Context) {
	var all []snapshot.Log
	lines := map[snapshot.Log]int64{}
	for _, need := range c.wanted.Logs {
		for i := range c.snapshot.Pods {
			for _, log := range logsOf(&c.snapshot.Pods[i], need) {
				if !slices.Contains(all, log) {
					all = append(all, log)
				}
				lines[log] = max(lines[log], linesOf(need))
			}
		}
	}
	c.mutex.Lock()
	c.coverage(snapshot.Logs).All = true // what could not be read is told log by log
	c.mutex.Unlock()
	steps := make([]func(context.Context), 0, len(all))
	for i, log := range all {
		if i >= maxLogs {
			c.keepLog(log, fmt.Errorf("more than %d logs were needed", maxLogs))
			continue
		}
		steps = append(steps, func(ctx context.Context) { c.readLog(ctx, log, lines[log]) })
	}
	c.parallel(ctx, steps...)
	slices.SortFunc(c.snapshot.Logs, func(a, b snapshot.Log) int {
		return strings.Compare(a.Namespace+a.Pod+a.Container+fmt.Sprint(a.Previous), b.Namespace+b.Pod+b.Container+fmt.Sprint(b.Previous))
	})
}

func linesOf(need snapshot.LogNeed) int64 {
	switch {
	case need.Lines > 0:
		return min(need.Lines, snapshot.MaxLogLines)
	case need.Which == snapshot.Crashed:
		return crashLines
	}
	return usualLines
}

// logsOf returns the runs of a pod's containers that a need asks for and that have begun.
func logsOf(pod *corev1.Pod, need snapshot.LogNeed) []snapshot.Log {
	if pod.Namespace != need.Namespace || !strings.HasPrefix(pod.Name, need.Prefix) {
		return nil
	}
	var found []snapshot.Log
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if need.Container != "" && need.Container != status.Name {
			continue
		}
		crashed := snapshot.Ended(&status)
		log := snapshot.Log{Namespace: pod.Namespace, Pod: pod.Name, Container: status.Name}
		if begun := status.State.Running != nil || status.State.Terminated != nil; begun && (need.Which == snapshot.Any || crashed) {
			found = append(found, log)
		}
		if crashed && status.LastTerminationState.Terminated != nil {
			log.Previous = true
			found = append(found, log)
		}
	}
	return found
}

func (c *collector) readLog(ctx context.Context, log snapshot.Log, lines int64) {
	err := c.call(ctx, func(ctx context.Context) error {
		limit := int64(maxLogBytes)
		options := &corev1.PodLogOptions{Container: log.Container, Previous: log.Previous, TailLines: &lines, LimitBytes: &limit}
		if since := int64(c.wanted.Since.Seconds()); since > 0 {
			options.SinceSeconds = &since
		}
		stream, err := c.api.CoreV1().Pods(log.Namespace).GetLogs(log.Pod, options).Stream(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = stream.Close() }() // what was read is what counts
		content, err := io.ReadAll(io.LimitReader(stream, maxLogBytes))
		log.Text = c.source.Redact.Text(strings.ToValidUTF8(string(content), "\uFFFD"))
		return err
	})
	c.keepLog(log, err)
}

func (c *collector) keepLog(log snapshot.Log, err error) {
	if err != nil {
		log.Text, log.Error, log.Reason = "", c.source.Redact.Text(err.Error()), reasonOf(err)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.snapshot.Logs = append(c.snapshot.Logs, log)
}
