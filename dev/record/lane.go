package main

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"offboard/dev/internal/stack"
	"offboard/dev/internal/temporalite"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// limit ends a path that hangs; the longest takes a minute on a quiet machine and some more on a busy one.
const limit = 6 * time.Minute

//go:embed accounts
var accounts embed.FS

// unpackAccounts writes the simulated accounts where the simulator can load them.
func unpackAccounts() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "offboard-record-"); err != nil {
		return "", fmt.Errorf("make a directory for the accounts: %w", err)
	}
	if err := os.CopyFS(dir, accounts); err != nil {
		return "", errors.Join(fmt.Errorf("write the accounts: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// lane plays one scenario after another on a server of its own, so that every history is of the same namespace.
type lane struct {
	dir, accounts string
	program       string // of the worker, for paths that run it as a process
	out           io.Writer
	server        *temporalite.Server
}

func (l *lane) run(ctx context.Context, queue <-chan scenario) (err error) {
	l.server, err = temporalite.Start(ctx, temporalite.Options{UIPort: temporalite.NoUI, SearchAttributes: workflows.SearchAttributes(),
		// Timers are a second late otherwise, which is long where pauses are some milliseconds.
		DynamicConfig: map[string]any{"history.timerProcessorMaxTimeShift": 20 * time.Millisecond}})
	if err != nil {
		return fmt.Errorf("start the Temporal server: %w", err)
	}
	var errs []error
	for s := range queue {
		if ctx.Err() != nil {
			break
		}
		begun := time.Now()
		files, size, err := l.play(ctx, s)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
			fmt.Fprintf(l.out, "%-32s FAILED %v\n", s.name, err)
			continue
		}
		fmt.Fprintf(l.out, "%-32s %3d files %6d bytes %6s\n", s.name, files, size, time.Since(begun).Round(100*time.Millisecond))
	}
	return errors.Join(errors.Join(errs...), l.server.Stop())
}

// play sets the account and the worker up, lets the scenario happen, stores the histories and clears up.
func (l *lane) play(ctx context.Context, s scenario) (files, size int, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	settings := s.settings
	settings.MinimumSoak = cmp.Or(settings.MinimumSoak, offboard.Duration(time.Second)) // the life of a token in the accounts
	settings.SoakProbe = cmp.Or(settings.SoakProbe, offboard.Duration(500*time.Millisecond))
	var told *listener
	if s.notices {
		if told, err = listen(ctx); err != nil {
			return 0, 0, err
		}
		defer func() { err = errors.Join(err, told.stop()) }()
		settings.Webhook = told.url
	}
	if s.sealed {
		key, err := filepath.Abs(corpusKey)
		if err != nil {
			return 0, 0, fmt.Errorf("find the key of the corpus: %w", err)
		}
		settings.Encryption = fmt.Sprintf("{keys: [{id: corpus, key: %q}]}", "file:"+key)
	}
	account, err := l.account(s)
	if err != nil {
		return 0, 0, err
	}
	// Reports are not kept, because the place of one would be in the history.
	engine, err := stack.StartEngine(ctx, l.server, stack.EngineOptions{
		Account: account, Settings: settings, NoWorker: s.process,
	})
	if err != nil {
		return 0, 0, err
	}
	p := &play{Engine: engine, ctx: ctx, program: l.program, told: told}
	if s.process {
		p.spawn()
	}
	s.happens(p)
	if p.err == nil {
		files, size, p.err = p.save(l.dir, s)
	}
	// Whatever became of the scenario, the next one must find the person free.
	p.ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return files, size, errors.Join(p.err, p.clear(), p.kill(), engine.Stop())
}

// account is the path of the scenario's account file.
func (l *lane) account(s scenario) (string, error) {
	path := filepath.Join(l.accounts, "accounts", cmp.Or(s.account, "one")+".yaml")
	if len(s.with) == 0 {
		return path, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the account: %w", err)
	}
	for i := 0; i+1 < len(s.with); i += 2 {
		changed := bytes.ReplaceAll(text, []byte(s.with[i]), []byte(s.with[i+1]))
		if bytes.Equal(changed, text) {
			return "", fmt.Errorf("the account %s has no %q", path, s.with[i])
		}
		text = changed
	}
	path = filepath.Join(l.accounts, s.name+".yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", fmt.Errorf("write the account: %w", err)
	}
	return path, nil
}
