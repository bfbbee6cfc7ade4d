// Package kubetest starts the program of the nested module kubetest and speaks with it, for tests that want real
// Kubernetes clusters. The program is built apart, since nothing of the product may depend on a Kubernetes server.
//
// It must not know what is tested with a cluster.
package kubetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// Variable is the environment variable that holds the path of the program, empty where tests are to do without it.
const Variable = "OFFBOARD_KUBETEST"

// The kubeconfigs of a cluster. These names and those below are the program's; its module can share no code with ours.
const (
	Admin            = "admin"             // a token of an administrator
	AdminCertificate = "admin-certificate" // the same with a client certificate
	Somebody         = "somebody"          // a token of the user "somebody", who has no right
)

// Annotations of a Deployment or StatefulSet that steer what runs its pods.
const (
	NeverReady = "kubetest/never-ready" // keeps new pods from getting ready; the reason, such as ImagePullBackOff
	Lingering  = "kubetest/lingering"   // keeps deleted pods from going away; any value
	Reverting  = "kubetest/reverting"   // takes changed annotations of the pods' template back after this time, such as "1s"
)

// Process is a running program. Its methods are safe for concurrent use.
type Process struct {
	command *exec.Cmd
	in      io.WriteCloser
	ended   chan struct{} // closed when nothing more is answered

	mu      sync.Mutex
	waiting map[string]chan answer // by command
}

type answer struct {
	Command, Server, Directory, Error string
}

// Start runs the program at a path. What it has to say beside its answers goes to log.
func Start(program string, log io.Writer, args ...string) (*Process, error) {
	p := &Process{command: exec.Command(program, args...), ended: make(chan struct{}), waiting: map[string]chan answer{}} //nolint:noctx // it ends with its input
	p.command.Stderr = log
	var err error
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go p.listen(out)
	return p, nil
}

func (p *Process) listen(out io.Reader) {
	defer close(p.ended)
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		var a answer
		if json.Unmarshal(scanner.Bytes(), &a) != nil {
			continue // not an answer
		}
		p.mu.Lock()
		if c := p.waiting[a.Command]; c != nil {
			delete(p.waiting, a.Command)
			c <- a
		}
		p.mu.Unlock()
	}
}

// Cluster is a cluster that runs.
type Cluster struct {
	Server    string // URL of its API
	directory string
}

// Kubeconfig is one of the cluster's kubeconfigs, self-contained.
func (c Cluster) Kubeconfig(name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(c.directory, name+".kubeconfig"))
	if err != nil {
		return nil, fmt.Errorf("read a kubeconfig: %w", err)
	}
	return text, nil
}

// StartCluster runs a cluster, a new one or one that was stopped; the latter has the same address, credentials and
// content as before. It takes workloads when StartCluster returns.
func (p *Process) StartCluster(ctx context.Context, name string) (Cluster, error) {
	a, err := p.say(ctx, "start "+name)
	return Cluster{Server: a.Server, directory: a.Directory}, err
}

// StopCluster ends a cluster's API server and controllers. Its address refuses connections from then on.
func (p *Process) StopCluster(ctx context.Context, name string) error {
	_, err := p.say(ctx, "stop "+name)
	return err
}

func (p *Process) say(ctx context.Context, command string) (answer, error) {
	reply := make(chan answer, 1)
	p.mu.Lock()
	p.waiting[command] = reply
	_, err := fmt.Fprintln(p.in, command)
	p.mu.Unlock()
	if err != nil {
		return answer{}, fmt.Errorf("tell kubetest to %s: %w", command, err)
	}
	select {
	case a := <-reply:
		if a.Error != "" {
			return a, errors.New(a.Error)
		}
		return a, nil
	case <-p.ended:
		return answer{}, fmt.Errorf("kubetest ended before it could %s", command)
	case <-ctx.Done():
		return answer{}, fmt.Errorf("tell kubetest to %s: %w", command, ctx.Err())
	}
}

// Close ends the program and all its clusters; the error is that of a program that ended badly.
func (p *Process) Close() error {
	p.in.Close()
	<-p.ended
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("end kubetest: %w", err)
	}
	return nil
}

// Kill ends the program as the loss of its machine would. What its clusters held stays in the directory it was given with
// --dir: a program that is started on it has them again, under the same addresses and credentials.
func (p *Process) Kill() error {
	if err := p.command.Process.Kill(); err != nil {
		return fmt.Errorf("kill kubetest: %w", err)
	}
	<-p.ended
	_ = p.command.Wait() // it says that it was killed
	return nil
}
