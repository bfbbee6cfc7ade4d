package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"offboard/internal/app"
	"offboard/internal/console"
	"offboard/internal/offboard"
)

func (p *program) reportCommand() *cobra.Command {
	var format, file string
	var v verification
	formats := []string{"text", "markdown", "json", "html"}
	cmd := &cobra.Command{
		Use:   "report {RUN | --verify FILE}",
		Short: "Print the report of a run, or verify a report that was kept",
		Long: `Report prints what was done, by whom it was approved, what remains, and until when access can last. While the run is
open it prints the report so far, says so, and ends with 3. While it waits for a yes, the HTML page is the plan, written
for the owners of the clusters.

With --verify it reads a report from a file, JSON or HTML, and tells whether a word of it was changed since it was made,
and by whose key it is signed. With --account it also asks the account, with the worker's configuration (OFFBOARD_CONFIG
and IBM's variables), whether it still looks as the report left it. It changes nothing, and ends with 1 if something
differs.`,
		Example: `  starter report leaver@acme.example
  starter report leaver@acme.example --format html --out leaver.html
  starter report --verify leaver.html --public-key report-key.pem --account`,
		Args: func(cmd *cobra.Command, args []string) error {
			if v.file == "" {
				return oneRun(cmd, args)
			}
			if len(args) > 0 {
				return usage("give a run or --verify, not both")
			}
			return nil
		},
		ValidArgsFunction: p.completeRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			if v.file != "" {
				return p.verify(cmd.Context(), v)
			}
			if v.publicKey != "" || v.account {
				return usage("--public-key and --account belong to --verify")
			}
			if p.format == "json" && !cmd.Flags().Changed("format") {
				format = "json"
			}
			if !slices.Contains(formats, format) {
				return usage("--format is %q: it must be text, markdown, json or html", format)
			}
			return p.with(cmd, args[0], func(ctx context.Context, r runs, id string) error {
				report, open, err := r.Report(ctx, id)
				if err != nil {
					return err
				}
				if open {
					p.outcome = incomplete
					fmt.Fprintln(p.err, "The run is still open: this is the report so far.")
				}
				return p.deliver(report, format, file)
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text, markdown, json or html")
	cmd.Flags().StringVar(&file, "out", "", "write it to this file, which only you can read, instead of printing it")
	cmd.Flags().StringVar(&v.file, "verify", "", "verify the report in this file")
	cmd.Flags().StringVar(&v.publicKey, "public-key", "", "with --verify: the key you trust, as starter setup prints it or in a PEM file")
	cmd.Flags().BoolVar(&v.account, "account", false, "with --verify: ask the account whether it still looks so")
	choices(cmd, "format", formats...)
	return cmd
}

func (p *program) deliver(report offboard.Report, format, file string) error {
	if format == "text" && file == "" {
		p.screen.Report(report)
		return nil
	}
	data, err := p.render(report, format)
	if err != nil {
		return err
	}
	return p.write(data, file)
}

// write puts a document into a file that only its owner can read, or prints it if none is named.
func (p *program) write(data []byte, file string) error {
	if file == "" {
		_, err := p.out.Write(data)
		return err
	}
	if err := app.WriteFile(file, data); err != nil {
		return err
	}
	fmt.Fprintln(p.err, "Wrote", file)
	return nil
}

func (p *program) render(report offboard.Report, format string) ([]byte, error) {
	if format != "text" {
		sealed, err := report.Sealed(app.Version())
		if err != nil {
			return nil, err
		}
		report = sealed
	}
	switch format {
	case "markdown":
		return []byte(report.Markdown()), nil
	case "html":
		return report.HTML()
	case "json":
		data, err := json.MarshalIndent(report, "", "  ")
		return append(data, '\n'), err
	}
	var b bytes.Buffer
	console.New(&b, p.env).Report(report)
	return b.Bytes(), nil
}
