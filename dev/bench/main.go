// Command bench measures the engine against its targets, P1 to P9, on an embedded Temporal server and simulated accounts,
// in one run on one machine. All figures that have a target are ratios of two things measured in that run, or counts, so
// that they mean the same on a slow machine and on a fast one. docs/performance.md explains each.
//
//	go run ./bench             # everything, under ten minutes on two cores; exit code 1 if a target is missed
//	go run ./bench -only P1,P3 # some rows
//	go run ./bench -baseline   # everything, and keep the figures as what later runs are compared with
//
// It must not know how the engine works. What it believes of an offboarding it believes because the simulated account's
// ledger and counters, or the recorded histories, say so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"offboard/dev/internal/temporalite"
	"offboard/workflows"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is func main of a program
	}
}

// results is where figures are kept, seen from the module dev.
var results = filepath.Join("bench", "results")

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "rows to measure, such as P1,P3; empty: all")
	baseline := flags.Bool("baseline", false, "keep the figures as what later runs are compared with")
	dir := flags.String("out", results, "directory for the figures and the plot")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	// Temporal's server and the simulated account, which others run elsewhere, share this process. Their garbage is collected a
	// quarter as often as Go would by default, so that it is not the engine's time; a worker of its own process keeps its setting.
	debug.SetGCPercent(400)
	server, err := temporalite.Start(ctx, temporalite.Options{UIPort: temporalite.NoUI, SearchAttributes: workflows.SearchAttributes()})
	if err != nil {
		return err
	}
	b := &bench{server: server, out: out, begun: time.Now()}
	b.measure(ctx, chosen)
	stopped := server.Stop()
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), stopped)
	}
	return errors.Join(b.publish(*dir, len(chosen) == len(rows()), *baseline), stopped)
}

// bench is one run of all chosen rows.
type bench struct {
	server  *temporalite.Server
	out     io.Writer
	begun   time.Time
	figures []figure
	// Under way from the beginning, because they mostly wait.
	byHand   *procedure
	crashing *crashing
	sizes    []size     // of P5, for the plot
	single   []done     // the offboardings of twelve scopes, for the rows that need one more number of them
	worker   string     // the worker program, built once
	build    sync.Mutex // of it
	remove   []string   // directories to remove at the end
}

// row is one line of the targets. Its figures are added in measure's order, whatever becomes of them.
type row struct {
	name    string
	measure func(context.Context, *bench) error
}

func rows() []row {
	return []row{
		{"P1", latencies}, {"P8", containment}, {"P3", countedCalls}, {"P7", corpusReplay}, {"P4", rateLimited}, {"P5", growth},
		{"P9", crashes}, {"P2", documented}, {"P6", throughput}, // these two wait for what is under way, and the last keeps the machine busy
	}
}

func choose(only string) ([]row, error) {
	if only == "" {
		return rows(), nil
	}
	var chosen []row
	known := map[string]bool{}
	for _, r := range rows() {
		known[r.name] = true
		for name := range strings.SplitSeq(only, ",") {
			if strings.EqualFold(strings.TrimSpace(name), r.name) {
				chosen = append(chosen, r)
			}
		}
	}
	for name := range strings.SplitSeq(only, ",") {
		if !known[strings.ToUpper(strings.TrimSpace(name))] {
			return nil, fmt.Errorf("there is no row %q: the rows are P1 to P9", name)
		}
	}
	return chosen, nil
}

// measure runs the rows one after another; one that fails is a missed target and stops no other.
func (b *bench) measure(ctx context.Context, chosen []row) {
	defer b.tidy()
	defer func() {
		slices.SortStableFunc(b.figures, func(x, y figure) int { return strings.Compare(x.Row, y.Row) })
	}()
	for _, r := range chosen {
		switch r.name {
		case "P2":
			b.begin(ctx)
		case "P9":
			b.beginCrashes(ctx)
		}
	}
	for _, r := range chosen {
		begun := time.Now()
		b.say("%s …", r.name)
		if err := r.measure(ctx, b); err != nil && ctx.Err() == nil {
			b.add(figure{Row: r.name, What: "could not be measured", Problem: err.Error()})
		}
		b.say("%s took %s", r.name, time.Since(begun).Round(time.Second))
	}
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.out, "%6s  %s\n", time.Since(b.begun).Round(time.Second), fmt.Sprintf(format, args...))
}

func (b *bench) add(f figure) {
	f.At = time.Now().UTC().Truncate(time.Second)
	b.figures = append(b.figures, f)
	b.say("%s", f)
}

func (b *bench) tidy() {
	for _, dir := range b.remove {
		if err := os.RemoveAll(dir); err != nil {
			b.say("remove %s: %v", dir, err)
		}
	}
}
