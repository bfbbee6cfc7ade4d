package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// exposeMetrics has the worker of this rig show its metrics, and returns where.
func (r *rig) exposeMetrics(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port for the worker's metrics: %w", err)
	}
	address := l.Addr().String()
	l.Close()
	r.env["OFFBOARD_HEALTH"] = address
	return "http://" + address + "/metrics", nil
}

// cloudRequests is the counter of requests to IBM Cloud.
const cloudRequests = "offboard_cloud_requests_total"

// refusedCalls is how many of the worker's requests to IBM Cloud were answered 429.
func refusedCalls(ctx context.Context, url string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, fmt.Errorf("ask the worker for its metrics: %w", err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("ask the worker for its metrics: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, fmt.Errorf("read the worker's metrics: %w", err)
	}
	if !strings.Contains(string(text), cloudRequests) {
		return 0, fmt.Errorf("the worker's metrics do not tell %s", cloudRequests)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, cloudRequests) || !strings.Contains(line, `code="429"`) {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " ")+1:]), 64)
		if err != nil {
			return 0, fmt.Errorf("read the metric %s: %w", cloudRequests, err)
		}
		n += int(value)
	}
	return n, nil
}
