package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

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
needs a person, unless --follow is given.`,
		Example: `  starter watch leaver@acme.example
  starter watch leaver@acme.example --follow | tee run.log`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd, args[0], func(ctx context.Context, r runs, id string) error {
				return p.follow(ctx, r, id, stay)
			})
		},
	}
	cmd.Flags().BoolVar(&stay, "follow", false, "go on while the run needs a person")
	return cmd
}

// follow shows a run until it ends, or needs a person unless it is told to stay. It sets the exit code.
func (p *program) follow(ctx context.Context, r runs, id string, stay bool) error {
	live := p.screen.Live()
	before := ""
	var writing error
	err := r.Follow(ctx, id, tick, func(progress offboard.Progress, scopes map[string]offboard.ScopeProgress) bool {
		p.outcome = outcomeOf(progress)
		if p.format == "json" {
			data, err := json.Marshal(merged(progress, scopes))
			if err == nil && string(data) != before {
				_, err = fmt.Fprintf(p.out, "%s\n", data)
				before = string(data)
			}
			writing = err
		} else {
			live.Show(progress, scopes, p.now())
		}
		return writing != nil || (progress.NeedsPerson() && !stay)
	})
	if writing != nil {
		return fmt.Errorf("write the progress: %w", writing)
	}
	return err
}
