// Package attach puts real Kubernetes clusters in the place of the simulated IBM Cloud's: it runs the program kubetest, and
// the simulator fills its clusters, renews their secrets and watches their pods. It is for tests.
//
// It must not know what is done to the clusters.
package attach

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"offboard/internal/kubernetes/kubetest"
)

// Clusters is the program that runs all clusters of a test.
type Clusters struct {
	program, dir string
	log          bytes.Buffer // healthy servers complain a lot, too

	mu      sync.RWMutex
	process *kubetest.Process
	running map[string]bool // by name
}

// Start runs the program that OFFBOARD_KUBETEST names, or builds it from the repository at root, which takes minutes for
// the first time.
func Start(root string) (_ *Clusters, err error) {
	c := &Clusters{program: os.Getenv(kubetest.Variable), running: map[string]bool{}}
	if c.dir, err = os.MkdirTemp("", "offboard-kubernetes-"); err != nil {
		return nil, fmt.Errorf("make a directory for clusters: %w", err)
	}
	if c.program == "" {
		c.program = filepath.Join(c.dir, "kubetest")
		err = build(root, c.program)
	}
	if err == nil {
		err = c.run()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	return c, nil
}

func build(root, program string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, "kubetest"), "-ldflags", "-s -w", "-o", program, ".").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build kubetest: %w\n%s", err, out)
	}
	return nil
}

func (c *Clusters) run() (err error) {
	c.process, err = kubetest.Start(c.program, &c.log, "--dir", filepath.Join(c.dir, "clusters"))
	return err
}

// Close ends the program and removes what its clusters held. The error says what the program said if it ended badly.
func (c *Clusters) Close() error {
	err := c.process.Close()
	if err != nil {
		err = fmt.Errorf("%w; it said:\n%s", err, &c.log)
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// Kill ends every API server, controller and database as the loss of their machine would.
func (c *Clusters) Kill() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.process.Kill()
}

// Restart runs the program again after a Kill, with the clusters that ran then, under the same addresses and with all
// they held.
func (c *Clusters) Restart(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.run(); err != nil {
		return err
	}
	for name := range c.running {
		if _, err := c.process.StartCluster(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *Clusters) start(ctx context.Context, name string) (kubetest.Cluster, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cluster, err := c.process.StartCluster(ctx, name)
	c.running[name] = err == nil
	return cluster, err
}

func (c *Clusters) stop(ctx context.Context, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, name)
	return c.process.StopCluster(ctx, name)
}
