package main

import (
	"context"
	"fmt"

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
start form, filled in, and, where OFFBOARD_CONFIG names the worker's configuration, the public half of the key that signs
reports: hand it to whoever verifies them.`,
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
			key, err := p.publicKey(cmd.Context())
			found := setUp{SetUp: result, StartForm: r.StartForm(), Input: offboard.Example, PublicKey: key}
			if err != nil {
				found.Problem = err.Error()
				p.outcome = incomplete
			}
			if p.format == "json" {
				return p.json(found)
			}
			p.showSetUp(found)
			return nil
		},
	}
}

// setUp is what was found and done, for programs.
type setUp struct {
	app.SetUp
	StartForm string `json:"startForm"`
	Input     string `json:"input"`
	PublicKey string `json:"publicKey,omitempty"` // of the key that signs reports
	Problem   string `json:"problem,omitempty"`   // why it is not known
}

// publicKey is the public half of the key that signs reports, as the worker's configuration names it. Empty where no
// configuration is at hand, or where it signs nothing.
func (p *program) publicKey(ctx context.Context) (string, error) {
	if p.env("OFFBOARD_CONFIG") == "" {
		return "", nil
	}
	config, err := app.LoadConfig("", p.env)
	if err == nil && config.Signer.IsZero() {
		return "", nil
	}
	key := ""
	if err == nil {
		key, err = config.Signer.PublicKey(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("read the key that signs reports: %w", err)
	}
	return key, nil
}

func (p *program) showSetUp(result setUp) {
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
	if result.PublicKey != "" {
		p.screen.Line("\nReports are signed. Whoever verifies them needs this key, from you and not from a report: %s", result.PublicKey)
	}
	if result.Problem != "" {
		p.screen.Line("\n%s %s", p.screen.Bad("✗"), result.Problem)
	}
	p.screen.Line("\nStart by hand in the Web UI: %s", result.StartForm)
	p.screen.Line("with an input like: %s", result.Input)
}
