// Command record records the histories that the replay tests of package workflows replay: one real run for every path
// an offboarding can take, on an embedded Temporal server, against the simulated account, with the worker as it is
// shipped. Run it after a change that old histories may not notice but new ones shall show, from the module dev:
//
//	go run ./record                  # everything anew, minutes
//	go run ./record hold-soak-skip   # only paths whose names contain one of the words
//	go run ./record -freeze          # at a release: these recordings are never changed again
//
// It must not know what a history should contain: what the runs do is recorded, and the tests compare.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/sdk/worker"
)

// Where the histories belong, seen from the module dev, and the key to those that are encrypted, which opens nothing else.
var (
	corpus    = filepath.Join("..", "workflows", "testdata", "histories")
	corpusKey = filepath.Join("..", "workflows", "testdata", "corpus.key")
)

// version is the part of the path that says which recording of a path it is. Old ones stay when a new one is begun.
const version = "v1"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is func main of a program
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("record", flag.ContinueOnError)
	dir := flags.String("out", corpus, "directory of the corpus")
	lanes := flags.Int("lanes", 6, "how many runs at the same time, each on a server of its own")
	uncached := flags.Bool("uncached", false, "only the paths that are recorded without the sticky cache")
	freezing := flags.Bool("freeze", false, "record nothing; make what is recorded unchangeable, at a release")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *freezing {
		return freeze(*dir, out)
	}
	if err := mayRecord(*dir); err != nil {
		return err
	}
	todo := chosen(scenarios(), flags.Args())
	cached := slices.DeleteFunc(slices.Clone(todo), func(s scenario) bool { return s.uncached })
	begun := time.Now()
	if flags.NArg() == 0 && !*uncached {
		if err := clearOut(*dir); err != nil {
			return err
		}
	}
	if *uncached {
		// For the whole process, so these paths have one of their own.
		worker.SetStickyWorkflowCacheSize(0)
		todo = slices.DeleteFunc(todo, func(s scenario) bool { return !s.uncached })
		return record(ctx, *dir, todo, 1, out)
	}
	var beside error
	var wg sync.WaitGroup
	if len(cached) < len(todo) {
		wg.Go(func() { beside = recordUncached(ctx, *dir, flags.Args(), out) })
	}
	err := record(ctx, *dir, cached, *lanes, out)
	wg.Wait()
	fmt.Fprintf(out, "%d paths in %s\n", len(todo), time.Since(begun).Round(time.Second))
	return errors.Join(err, beside)
}

// clearOut removes what was recorded before of this version, so that no path stays that there is no more.
func clearOut(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "*", version))
	if err != nil {
		return fmt.Errorf("look for old recordings: %w", err)
	}
	for _, d := range old {
		if err := os.RemoveAll(d); err != nil {
			return fmt.Errorf("remove old recordings: %w", err)
		}
	}
	return nil
}

func chosen(list []scenario, words []string) []scenario {
	if len(words) == 0 {
		return list
	}
	return slices.DeleteFunc(list, func(s scenario) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return strings.Contains(s.name, word) })
	})
}

// recordUncached runs this program again without the sticky cache.
func recordUncached(ctx context.Context, dir string, words []string, out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"-uncached", "-out", dir}, words...)...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("record without the sticky cache: %w", err)
	}
	return nil
}

// record plays the scenarios on a few lanes and stores what they leave. One that fails does not stop the others.
func record(ctx context.Context, dir string, list []scenario, lanes int, out io.Writer) (err error) {
	accounts, err := unpackAccounts()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(accounts)) }()
	program := ""
	if slices.ContainsFunc(list, func(s scenario) bool { return s.process }) {
		if program, err = buildWorker(ctx, accounts); err != nil {
			return err
		}
	}
	queue := make(chan scenario, len(list))
	for _, s := range list {
		queue <- s
	}
	close(queue)
	errs := make([]error, max(min(lanes, len(list)), 0))
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = (&lane{dir: dir, accounts: accounts, program: program, out: out}).run(ctx, queue) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
