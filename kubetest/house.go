package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"offboard/kubetest/internal/controlplane"
	"offboard/kubetest/internal/standin"
)

// house is the clusters of this process, and the conversation about them.
type house struct {
	dir      string
	database *controlplane.Etcd
	pace     standin.Pace
	busy     sync.WaitGroup

	mu       sync.Mutex
	out      io.Writer
	clusters map[string]*controlplane.Cluster
}

// answer is the line that says how a command went.
type answer struct {
	Command   string `json:"command"` // as it was given
	Server    string `json:"server,omitempty"`
	Directory string `json:"directory,omitempty"` // where the cluster's kubeconfigs are
	Error     string `json:"error,omitempty"`
}

// obey carries out a command for each line until the input or the context ends. Commands run side by side, so their
// answers may come in another order.
func (h *house) obey(ctx context.Context, in io.Reader) error {
	lines := make(chan string)
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
		ended <- scanner.Err()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case line := <-lines:
			h.busy.Go(func() { h.answer(h.carryOut(ctx, line)) })
		}
	}
}

func (h *house) answer(a answer) {
	text, err := json.Marshal(a)
	if err != nil {
		text = fmt.Appendf(nil, `{"command":%q,"error":%q}`, a.Command, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(h.out, "%s\n", text)
}

func (h *house) carryOut(ctx context.Context, line string) answer {
	a := answer{Command: line}
	if err := h.do(ctx, line, &a); err != nil {
		a.Error = err.Error()
	}
	return a
}

func (h *house) do(ctx context.Context, line string, a *answer) error {
	words := strings.Fields(line)
	if len(words) != 2 || words[0] != "start" && words[0] != "stop" {
		return fmt.Errorf("%q is no command: say start NAME or stop NAME", line)
	}
	c, err := h.cluster(words[1], words[0] == "start")
	if err != nil {
		return err
	}
	if words[0] == "stop" {
		return c.Stop()
	}
	a.Server, err = c.Start(ctx)
	a.Directory = filepath.Join(h.dir, words[1])
	return err
}

// names are what can be a directory and a prefix in the database.
var names = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// cluster is the cluster of that name, which may be made if there is none.
func (h *house) cluster(name string, mayMake bool) (*controlplane.Cluster, error) {
	if !names.MatchString(name) || name == "etcd" {
		return nil, fmt.Errorf("%q cannot be the name of a cluster: small letters, digits and dashes can, etcd cannot", name)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.clusters[name]
	if c != nil {
		return c, nil
	}
	if !mayMake {
		return nil, fmt.Errorf("there is no cluster %s", name)
	}
	c, err := controlplane.NewCluster(name, filepath.Join(h.dir, name), h.database, h.pace)
	if err != nil {
		return nil, err
	}
	h.clusters[name] = c
	return c, nil
}

// close stops all clusters, at the same time since each takes a moment.
func (h *house) close() error {
	h.busy.Wait()
	problems := make(chan error, len(h.clusters))
	for _, c := range h.clusters {
		go func() { problems <- c.Stop() }()
	}
	var all []error
	for range h.clusters {
		all = append(all, <-problems)
	}
	return errors.Join(all...)
}
