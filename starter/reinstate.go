package main

import (
	"context"

	"github.com/spf13/cobra"

	"offboard/workflows"
)

func (p *program) reinstateCommand() *cobra.Command {
	var a workflows.Reinstate
	cmd := &cobra.Command{
		Use:   "reinstate RUN --by YOU",
		Short: "Stop a run because the person stays after all",
		Long: `Reinstate undoes what can be undone: disabled keys are enabled again. Scopes that were handed over stay with their
new owner. It is possible until the first key is deleted.`,
		Example: `  starter reinstate leaver@acme.example --by manager@acme.example --note "contract extended"`,
		Args:    oneRun,
		RunE:    p.tells(&a.By, func(ctx context.Context, r runs, id string) (string, error) { return r.Reinstate(ctx, id, a) }),
	}
	person(cmd, &a.By)
	cmd.Flags().StringVar(&a.Note, "note", "", "why, for the report")
	return cmd
}
