package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
)

// buildWorker builds the worker as it is shipped into a directory, for the paths that kill it, and returns its path.
func buildWorker(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "worker")
	if out, err := exec.CommandContext(ctx, "go", "build", "-C", "..", "-o", program, "./worker").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the worker: %w\n%s", err, out)
	}
	return program, nil
}

// spawn runs the worker as a process with the stack's environment and nothing else.
func (p *play) spawn() {
	if p.err != nil {
		return
	}
	p.process = exec.CommandContext(p.ctx, p.program)
	for name, value := range p.Env {
		p.process.Env = append(p.process.Env, name+"="+value)
	}
	p.fail("start the worker", p.process.Start())
}

// crash ends the worker's process as a lost machine does, and starts another.
func (p *play) crash() {
	if p.err == nil {
		p.fail("kill the worker", p.kill())
	}
	p.spawn()
}

// kill ends the worker's process, if there is one.
func (p *play) kill() error {
	if p.process == nil || p.process.Process == nil {
		return nil
	}
	err := p.process.Process.Kill()
	_, killed := errors.AsType[*exec.ExitError](p.process.Wait())
	p.process = nil
	if err == nil && !killed {
		return errors.New("the worker ended by itself")
	}
	return err
}
