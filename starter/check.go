package main

import (
	"strings"

	"github.com/spf13/cobra"

	"offboard/internal/app"
)

func (p *program) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check that an offboarding can work from here",
		Long: `Check looks at the configuration, the secrets, Temporal, the workers, and what the engine's identity and the
functional IDs can see and do in the account: also whether the roles are there that only changes will need, and none that
a functional ID should not have. Where the file describes notification channels, the HTTP door or the codec server, it
reads their secrets and certificates too; run it where these can be read. It changes and sends nothing.

It needs the worker's configuration (OFFBOARD_CONFIG and IBM's variables).`,
		Example: `  starter check
  starter check --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := p.checks(cmd.Context())
			if err != nil {
				return err
			}
			for _, c := range list {
				if !c.OK {
					p.outcome = failed
				}
			}
			if p.format == "json" {
				return p.json(list)
			}
			p.showChecks(list)
			return nil
		},
	}
}

func (p *program) showChecks(list []app.Check) {
	wrong := 0
	for _, c := range list {
		mark := p.screen.Good("✓")
		if !c.OK {
			mark = p.screen.Bad("✗")
			wrong++
		}
		p.screen.Line("%s %s: %s", mark, c.Name, strings.ReplaceAll(c.Detail, "\n", "\n    "))
		if c.Remedy != "" {
			p.screen.Line("    %s", c.Remedy)
		}
	}
	if wrong > 0 {
		p.screen.Line("\n%d of %d checks need attention.", wrong, len(list))
		return
	}
	p.screen.Line("\nAll %d checks are fine.", len(list))
}
