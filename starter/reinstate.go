package main

import (
	"context"

	"github.com/spf13/cobra"

	"offboard/internal/offboard"
	"offboard/workflows"
)

func (p *program) reinstateCommand() *cobra.Command {
	m := &message{wants: offboard.Reinstated}
	m.send = func(ctx context.Context, r runs, id string) (string, error) {
		return r.Reinstate(ctx, id, workflows.Reinstate{By: m.by, Note: m.note})
	}
	return p.tells(&cobra.Command{
		Use:   "reinstate RUN --by YOU",
		Short: "Stop a run because the person stays after all",
		Long: `Reinstate undoes what can be undone: disabled keys are enabled again. Scopes that were handed over stay with their
new owner. It is possible until the first key is deleted.`,
		Example: `  starter reinstate leaver@acme.example --by manager@acme.example --note "contract extended"
  starter reinstate leaver@acme.example --by manager@acme.example --wait`,
	}, m)
}
