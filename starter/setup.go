package main

import (
	"github.com/spf13/cobra"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

func (p *program) setupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Prepare a Temporal namespace for the engine",
		Long: `Setup registers the search attributes that are missing; doing it again changes nothing. Where the server does not
permit that, as Temporal Cloud does not, it prints the commands to run instead. It also prints the link to the Web UI's
start form, filled in.`,
		Example: `  starter setup
  TEMPORAL_NAMESPACE=offboarding starter setup --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, disconnect, err := p.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer disconnect()
			result, err := r.SetUp(cmd.Context())
			if err != nil {
				return err
			}
			if len(result.ByHand) > 0 {
				p.outcome = incomplete
			}
			if p.format == "json" {
				return p.json(setUp{result, r.StartForm(), offboard.Example})
			}
			p.showSetUp(result, r.StartForm())
			return nil
		},
	}
}

// setUp is what was found and done, for programs.
type setUp struct {
	app.SetUp
	StartForm string `json:"startForm"`
	Input     string `json:"input"`
}

func (p *program) showSetUp(result app.SetUp, form string) {
	for _, name := range result.Present {
		p.screen.Line("%s %s is registered", p.screen.Good("✓"), name)
	}
	for _, name := range result.Added {
		p.screen.Line("%s %s was registered now", p.screen.Good("✓"), name)
	}
	if len(result.ByHand) > 0 {
		p.screen.Line("The server does not let this client register search attributes. Run these instead:")
		for _, command := range result.ByHand {
			p.screen.Line("  %s", command)
		}
	}
	p.screen.Line("\nStart by hand in the Web UI: %s", form)
	p.screen.Line("with an input like: %s", offboard.Example)
}
