package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offboard/internal/offboard"
)

// fields are the flags of run and the fields of the input they fill.
var fields = map[string]string{
	"user": "user", "mode": "mode", "approval": "approval", "last-day": "lastDay", "soak": "soak", "on-failure": "onFailure",
	"remove-user": "removeUser", "functional-id": "functionalIds", "account": "account", "reason": "reason",
	"ticket": "ticket", "requested-by": "requestedBy",
}

func (p *program) runCommand() *cobra.Command {
	var input string
	var wait, yes bool
	cmd := &cobra.Command{
		Use:   "run --user PERSON",
		Short: "Start an offboarding",
		Long: `Run starts an offboarding. Nothing is changed before somebody approved its plan, unless --approval none is given and
the engine's policy permits it. A run for the same person that is open already is an error that names it.`,
		Example: `  starter run --user leaver@acme.example --mode plan --wait
  starter run --user leaver@acme.example --last-day 2026-12-31T17:00:00+01:00 --ticket HR-1234 --requested-by hr@acme.example
  starter run --input request.json --yes --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := p.requestData(cmd.Flags(), input)
			if err != nil {
				return err
			}
			request, err := offboard.DecodeRequest(data, p.now())
			if err != nil {
				return err
			}
			if err := p.confirm(request, yes); err != nil {
				return err
			}
			return p.start(cmd.Context(), request, wait)
		},
	}
	f := cmd.Flags()
	f.String("user", "", "e-mail address or IAM ID of the person who leaves")
	f.String("mode", offboard.ModeExecute, "execute, or plan to end with the plan")
	f.String("approval", offboard.ApprovalRequired, "required or none")
	f.String("last-day", "", "nothing is changed before this moment, as in 2026-12-31T17:00:00+01:00")
	f.String("soak", offboard.DefaultSoak.String(), "healthy time between disabling and deleting the keys, as in 90m or 2d")
	f.String("on-failure", offboard.OnFailureHold, "hold for a person, or compensate")
	f.Bool("remove-user", true, "remove the user from the account at the end")
	f.StringArray("functional-id", nil, "e-mail address of a functional ID that may take over (repeatable; default: all configured)")
	f.String("account", "", "the account, if it must be a certain one (default: IBMCLOUD_ACCOUNT_ID names the run)")
	f.String("reason", "", "why, for the report")
	f.String("ticket", "", "ticket, for the report")
	f.String("requested-by", "", "e-mail address of who asks for it")
	f.StringVar(&input, "input", "", "file with the input as one JSON object, - for standard input, instead of the flags above")
	f.BoolVar(&wait, "wait", false, "follow the run until it ends or needs a person")
	f.BoolVar(&yes, "yes", false, "do not ask")
	choices(cmd, "mode", offboard.ModeExecute, offboard.ModePlan)
	choices(cmd, "approval", offboard.ApprovalRequired, offboard.ApprovalNone)
	choices(cmd, "on-failure", offboard.OnFailureHold, offboard.OnFailureCompensate)
	return cmd
}

// requestData makes the input of the flags that were given, or reads it.
func (p *program) requestData(flags *pflag.FlagSet, input string) ([]byte, error) {
	values := map[string]any{}
	var err error
	flags.Visit(func(f *pflag.Flag) {
		name, isField := fields[f.Name]
		if !isField {
			return
		}
		values[name] = f.Value.String()
		switch v := f.Value.(type) {
		case pflag.SliceValue:
			values[name] = v.GetSlice()
		default:
			if f.Value.Type() == "bool" {
				values[name] = f.Value.String() == "true"
			}
		}
	})
	if input == "" {
		data, err := json.Marshal(values)
		if err != nil {
			return nil, fmt.Errorf("write the input: %w", err)
		}
		return data, nil
	}
	if len(values) > 0 {
		return nil, usage("give the input by --input or by flags, not both")
	}
	var data []byte
	if input == "-" {
		data, err = io.ReadAll(p.in)
	} else {
		data, err = os.ReadFile(input)
	}
	if err != nil {
		return nil, usage("read the input: %v", err)
	}
	return data, nil
}

// confirm makes sure that the right person is meant.
func (p *program) confirm(request offboard.Request, yes bool) error {
	if yes || request.Mode != offboard.ModeExecute {
		return nil
	}
	if !p.interactive {
		if request.Approval == offboard.ApprovalNone {
			return usage("--approval none without a terminal: say --yes if nobody shall look at the plan first")
		}
		return nil
	}
	answer, err := p.ask("This offboards %s. Type the name again to go on:", request.User)
	if err != nil {
		return err
	}
	if !strings.EqualFold(answer, request.User) {
		return usage("%q is not %q: nothing was started", answer, request.User)
	}
	return nil
}

func (p *program) start(ctx context.Context, request offboard.Request, wait bool) error {
	r, disconnect, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer disconnect()
	started, err := r.Start(ctx, request)
	if err != nil {
		return err
	}
	if wait {
		if p.format == "text" {
			p.screen.Line("%s\n%s\n", started.WorkflowID, p.screen.Faint(started.Link))
		}
		return p.follow(ctx, r, started.WorkflowID, false)
	}
	if p.format == "json" {
		return p.json(started)
	}
	p.screen.Line("Started %s", started.WorkflowID)
	p.screen.Line("%s", started.Link)
	p.screen.Line("Follow it: starter watch %s", request.User)
	return nil
}
