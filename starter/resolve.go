package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"offboard/internal/offboard"
	"offboard/workflows"
)

func (p *program) resolveCommand() *cobra.Command {
	var scope, action string
	actions := []string{offboard.ActionRetry, offboard.ActionSkip, offboard.ActionAbort}
	m := &message{}
	m.check = func() error {
		if !slices.Contains(actions, action) {
			return usage("--action is %q: it must be retry, skip or abort", action)
		}
		if action == offboard.ActionAbort {
			m.wants = offboard.RolledBack
		}
		return nil
	}
	m.send = func(ctx context.Context, r runs, id string) (string, error) {
		return r.Resolve(ctx, id, workflows.Resolve{Scope: scope, Action: action, By: m.by, Note: m.note})
	}
	cmd := p.tells(&cobra.Command{
		Use:   "resolve RUN --action retry|skip|abort --by YOU",
		Short: "Answer a run that holds",
		Long: `Resolve answers a hold. What retry, skip and abort do there is shown by starter status. --scope may be left out while
only one hold is open.`,
		Example: `  starter resolve leaver@acme.example --action retry --by sre@acme.example --wait
  starter resolve leaver@acme.example --scope eu-de/prod --action skip --by sre@acme.example --note "cluster is gone"`,
	}, m)
	cmd.Flags().StringVar(&scope, "scope", "", "the hold's subject")
	cmd.Flags().StringVar(&action, "action", "", "retry, skip or abort (required)")
	choices(cmd, "action", actions...)
	p.completeFlag(cmd, "scope", func(now offboard.Progress) []string {
		var subjects []string
		for _, h := range now.Holds {
			subjects = append(subjects, cobra.CompletionWithDesc(h.Subject, h.Step))
		}
		return subjects
	})
	return cmd
}
