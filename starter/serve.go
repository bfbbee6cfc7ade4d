package main

import (
	"github.com/spf13/cobra"

	"offboard/internal/app"
)

func (p *program) serveCommand() *cobra.Command {
	var file string
	var validate bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Open the HTTP door for HR and identity systems",
		Long: `Serve takes what HR and identity systems say of people who leave, leave later or stay, and starts, moves or turns round
their offboardings: signed webhooks, SCIM, Okta event hooks, HiBob, BambooHR. Operators look at runs and answer them with
tokens of their own; the door can vouch for their approvals. The section "triggers" of the file that OFFBOARD_CONFIG names
says who may knock and how they prove who they are; docs/doors.md describes it.

It runs until it is told to stop (SIGTERM, SIGINT), then answers the requests under way, and ends with 0. It logs to
standard error, one line a request; OFFBOARD_LOG_FORMAT and OFFBOARD_LOG_LEVEL say how.`,
		Example: `  OFFBOARD_CONFIG=offboard.yaml starter serve
  starter serve --config offboard.yaml --validate
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8443/brake
  curl -X POST -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8443/brake/release
  curl -H "Authorization: Bearer $TOKEN" "http://127.0.0.1:8443/runs?user=leaver@acme.example"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			triggers, err := app.LoadTriggers(file, p.env)
			if err != nil {
				return misuse{err}
			}
			if validate {
				return p.said("The configuration of the door is correct.", map[string]string{"listen": triggers.Listen, "store": triggers.Store})
			}
			logger, err := app.NewLogger(p.err, p.env, triggers.Redactor)
			if err != nil {
				return misuse{err}
			}
			return app.OpenDoor(cmd.Context(), triggers, p.env, logger, func(o app.Opened) {
				text, value := "The door is open at "+o.Address, map[string]string{"address": o.Address}
				if o.ApproverKey != "" {
					text += "\nIt vouches for approvals by the public key " + o.ApproverKey
					value["approverKey"] = o.ApproverKey
				}
				// Nobody is left to tell if this cannot be written; the door is open all the same.
				_ = p.said(text, value)
			})
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (default: the one that OFFBOARD_CONFIG names)")
	cmd.Flags().BoolVar(&validate, "validate", false, "check the configuration and exit")
	return cmd
}

// said prints one sentence, or the same as JSON.
func (p *program) said(text string, value map[string]string) error {
	if p.format == "json" {
		return p.json(value)
	}
	p.screen.Line("%s", text)
	return nil
}
