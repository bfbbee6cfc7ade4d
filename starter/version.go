package main

import (
	"github.com/spf13/cobra"

	"offboard/internal/app"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: `  starter version --output json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if p.format == "json" {
				return p.json(map[string]string{"version": app.Version()})
			}
			p.screen.Line("starter %s", app.Version())
			return nil
		},
	}
}
