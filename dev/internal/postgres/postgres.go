//go:build unix

// Package postgres runs one PostgreSQL server from the programs that this machine has installed (Debian's package
// postgresql): on loopback, in a directory of its own, without a password, for as long as a test needs it. It can be
// killed the hard way and started again on the same data.
//
// It must not know who uses the database.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// User is the superuser of every server here.
const User = "postgres"

const loopback = "127.0.0.1"

// Server is one PostgreSQL server and its data. Its methods are not for concurrent use.
type Server struct {
	programs string // directory
	dir      string // what the server keeps, with its log
	port     int
	run      *syscall.Credential // nil: the user of this process
	running  *process            // nil while it does not
}

// New makes an empty database server below the directory for temporary files and does not start it. [Server.Remove]
// takes everything away again. The error says which package is missing, where one is.
func New(ctx context.Context) (_ *Server, err error) {
	s := &Server{}
	if s.programs, err = installed(); err != nil {
		return nil, err
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "offboard-postgres-"); err != nil {
		return nil, fmt.Errorf("make a directory for PostgreSQL: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Remove())
		}
	}()
	if s.run, err = unprivileged(); err != nil {
		return nil, err
	}
	if s.run != nil {
		if err := os.Chown(s.dir, int(s.run.Uid), int(s.run.Gid)); err != nil {
			return nil, fmt.Errorf("give the directory to %s: %w", User, err)
		}
	}
	// What a killed process has written is safe with the operating system; only a power failure asks for more.
	out, err := s.command(ctx, "initdb", "--pgdata", s.data(), "--username", User, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("make a database cluster: %w\n%s", err, out)
	}
	return s, nil
}

// Address is the server's host:port, the same after every start.
func (s *Server) Address() string { return net.JoinHostPort(loopback, strconv.Itoa(s.port)) }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Start returns when the server takes connections. After a kill that is when it has recovered, which it cannot begin
// before the last process of its predecessor is gone. The context bounds the start only.
func (s *Server) Start(ctx context.Context) error {
	for {
		err := s.start(ctx)
		if !errors.Is(err, errInUse) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// errInUse says that processes of a killed predecessor still hold its memory or its port.
var errInUse = errors.New("what it needs is still in use")

func (s *Server) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	defer log.Close()
	p := &process{cmd: s.command(context.WithoutCancel(ctx), "postgres", "-D", s.data(), "-h", loopback, "-p", strconv.Itoa(s.port), "-k", s.dir, "-c", "shared_buffers=32MB"), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }() // its log says how it ended
	for {
		if s.command(ctx, "pg_isready", "-q", "-h", loopback, "-p", strconv.Itoa(s.port)).Run() == nil {
			s.running = p
			return nil
		}
		select {
		case <-p.ended:
			text, _ := os.ReadFile(log.Name())
			if strings.Contains(string(text), "in use") {
				return fmt.Errorf("start PostgreSQL: %w\n%s", errInUse, text)
			}
			return fmt.Errorf("PostgreSQL ended at its start:\n%s", text)
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for PostgreSQL: %w", context.Cause(ctx)), p.end(syscall.SIGKILL))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill ends the server as the loss of its machine would, without a checkpoint or a farewell to its clients. It does
// nothing while the server does not run.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

// Remove stops the server, cutting its clients off, and removes its data. The server cannot be used again.
func (s *Server) Remove() error {
	return errors.Join(s.end(syscall.SIGINT), os.RemoveAll(s.dir))
}

func (s *Server) end(how syscall.Signal) error {
	if s.running == nil {
		return nil
	}
	defer func() { s.running = nil }()
	return s.running.end(how)
}

// process is a PostgreSQL server that runs; its children end by themselves when they miss it.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func (p *process) end(how syscall.Signal) error {
	if err := p.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end PostgreSQL: %w", err)
	}
	<-p.ended
	return nil
}

// command is one of PostgreSQL's programs, run as a user that it accepts.
func (s *Server) command(ctx context.Context, program string, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.programs, program), arguments...)
	cmd.Dir = s.dir // the user may not enter the one of this process
	if s.run != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.run}
	}
	return cmd
}

// installed finds PostgreSQL's programs. Debian keeps them, one directory for each version, out of the search path.
func installed() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed: install Debian's package postgresql, or put its programs into the search path")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged is the user that Debian's package makes, for a process of root, as which PostgreSQL does not run.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	who, err := user.Lookup(User)
	if err != nil {
		return nil, fmt.Errorf("find a user to run PostgreSQL as: %w", err)
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the number of user %s: %w", User, err)
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the group of user %s: %w", User, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// ports counts up from below every operating system's ephemeral range: a server listens on its port long after it was
// given one, and nobody else may have it by then.
var ports atomic.Int64

func freePort() (port int, err error) {
	const first, many = 10000, 5000
	for range many {
		port = first + int(ports.Add(1)+int64(os.Getpid()))%many
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}
