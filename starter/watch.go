package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"offboard/internal/app"
	"offboard/internal/console"
	"offboard/internal/offboard"
)

// tick is how often a run is asked how it stands: quick enough to look alive, a workflow task each.
const tick = time.Second

func (p *program) watchCommand() *cobra.Command {
	var stay bool
	cmd := &cobra.Command{
		Use:   "watch RUN",
		Short: "Follow a run until it ends or needs a person",
		Long: `Watch shows a live picture on a terminal and one line for each change elsewhere. It ends with 3 as soon as the run
needs a person. With --follow it goes on until the run has ended, and outlasts a server or workers that are away.`,
		Example: `  starter watch leaver@acme.example
  starter watch leaver@acme.example --follow | tee run.log`,
		Args:              oneRun,
		ValidArgsFunction: p.completeRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd, args[0], func(ctx context.Context, r runs, id string) error {
				return p.follow(ctx, r, id, stay)
			})
		},
	}
	cmd.Flags().BoolVar(&stay, "follow", false, "go on while the run needs a person")
	return cmd
}

// follow shows a run until it ends, or needs a person unless it is told to stay. It sets the exit code. Told to stay, it
// outlasts servers and workers that are away.
func (p *program) follow(ctx context.Context, r runs, id string, stay bool) error {
	show := p.shower(r, id, stay)
	for said := false; ; {
		err := r.Follow(ctx, id, tick, func(progress offboard.Progress, scopes map[string]offboard.ScopeProgress) bool {
			said = false
			return show.step(progress, scopes)
		})
		if show.err != nil {
			return fmt.Errorf("write the progress: %w", show.err)
		}
		if !stay || !app.Away(err) {
			return err
		}
		if !said {
			fmt.Fprintf(p.err, "%s  %v; still trying\n", p.now().UTC().Format("15:04:05"), err)
			said = true
		}
		p.pause(ctx, lull)
	}
}

// lull is how long nothing is asked of a server or of workers that are away.
const lull = 5 * time.Second

// shower shows one step of a run after the other.
type shower struct {
	program *program
	runs    runs
	id      string
	stay    bool
	live    *console.Live
	before  string // the last line for programs
	err     error  // what went wrong with the output
}

func (p *program) shower(r runs, id string, stay bool) *shower {
	return &shower{program: p, runs: r, id: id, stay: stay, live: p.screen.Live()}
}

// step tells whether it was the last.
func (s *shower) step(progress offboard.Progress, scopes map[string]offboard.ScopeProgress) bool {
	p := s.program
	p.outcome = p.outcomeOf(progress)
	if p.format != "json" {
		s.live.Show(progress, scopes, p.now())
	} else {
		answer := standing(s.runs, s.id, progress, scopes)
		data, err := json.Marshal(answer)
		if line := string(data); err == nil && line != s.before {
			s.before, err = line, p.line(answer)
		}
		s.err = err
	}
	return s.err != nil || (progress.NeedsPerson() && !s.stay)
}
