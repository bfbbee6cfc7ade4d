package main

import (
	"context"

	"github.com/spf13/cobra"

	"offboard/internal/offboard"
)

func (p *program) statusCommand() *cobra.Command {
	var plan bool
	cmd := &cobra.Command{
		Use:   "status RUN",
		Short: "Show how a run stands",
		Example: `  starter status leaver@acme.example
  starter status leaver@acme.example --plan
  starter status IBMid-000000TEST --output json`,
		Args:              oneRun,
		ValidArgsFunction: p.completeRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd, args[0], func(ctx context.Context, r runs, id string) error {
				progress, scopes, err := r.Status(ctx, id)
				if err != nil {
					return err
				}
				p.outcome = p.outcomeOf(progress)
				if p.format == "json" {
					return p.json(standing(r, id, progress, scopes))
				}
				p.screen.Status(progress, scopes, p.now())
				if plan && progress.Plan != nil {
					p.screen.Line("")
					p.screen.Plan(*progress.Plan)
				}
				p.screen.Line("\n%s", p.screen.Faint(r.Link(id, progress.RunID)))
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&plan, "plan", false, "show the plan as well")
	return cmd
}

// stands is how a run stands, for programs.
type stands struct {
	Link     string            `json:"link"`
	Progress offboard.Progress `json:"progress"`
}

// standing puts what the hand-overs say of themselves into the run's progress.
func standing(r runs, id string, p offboard.Progress, scopes map[string]offboard.ScopeProgress) stands {
	list := make([]offboard.ScopeProgress, len(p.Scopes))
	for i, s := range p.Scopes {
		list[i] = s
		if live, ok := scopes[s.Scope.ID()]; ok {
			list[i] = live
		}
	}
	p.Scopes = list
	return stands{Link: r.Link(id, p.RunID), Progress: p}
}
