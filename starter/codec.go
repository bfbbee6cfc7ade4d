package main

import (
	"errors"

	"github.com/spf13/cobra"

	"offboard/internal/app"
)

func (p *program) codecCommand() *cobra.Command {
	var validate bool
	cmd := &cobra.Command{
		Use:   "codec-server",
		Short: "Decrypt payloads for the Web UI and the temporal command",
		Long: `Codec-server decrypts what runs keep encrypted, for people who look at them in the Web UI or with the temporal command,
and encrypts what they send from there. The section "encryption" of the file that OFFBOARD_CONFIG names says with which
keys, and its part "server" who may ask; docs/encryption.md describes both.

It runs until it is told to stop (SIGTERM, SIGINT), then answers the requests under way, and ends with 0. It logs to
standard error, one line a request: who asked, never what for. OFFBOARD_LOG_FORMAT and OFFBOARD_LOG_LEVEL say how.`,
		Example: `  OFFBOARD_CONFIG=offboard.yaml starter codec-server
  starter codec-server --validate
  temporal workflow show --workflow-id ID --codec-endpoint http://127.0.0.1:8234 --codec-auth "Bearer $TOKEN"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := app.LoadCodecServer(p.env)
			if err != nil {
				return misuse{err}
			}
			if validate {
				return p.said("The configuration of the codec server is correct.", map[string]string{"listen": config.Listen})
			}
			logger, err := app.NewLogger(p.err, p.env, &app.Redactor{})
			if err != nil {
				return misuse{err}
			}
			err = app.OpenCodecServer(cmd.Context(), p.env, logger, func(address string) {
				// Nobody is left to tell if this cannot be written; the server listens all the same.
				_ = p.said("The codec server listens at "+address, map[string]string{"address": address})
			})
			if _, wrong := errors.AsType[*app.InvalidConfig](err); wrong {
				return misuse{err}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&validate, "validate", false, "check the configuration and exit")
	return cmd
}
