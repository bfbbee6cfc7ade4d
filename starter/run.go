package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

// fields are the flags of run and the fields of the input they fill.
var fields = map[string]string{
	"user": "user", "mode": "mode", "approval": "approval", "last-day": "lastDay", "soak": "soak", "on-failure": "onFailure",
	"remove-user": "removeUser", "functional-id": "functionalIds", "account": "account", "reason": "reason",
	"ticket": "ticket", "requested-by": "requestedBy", "urgent": "urgent",
}

func (p *program) runCommand() *cobra.Command {
	var input string
	var yes, dry bool
	var many bulk
	var t then
	cmd := &cobra.Command{
		Use:   "run --user PERSON | --input FILE | --file FILE",
		Short: "Start an offboarding, or many",
		Long: `Run starts an offboarding. Nothing is changed before somebody approved its plan, unless --approval none is given and
the engine's policy permits it. A run for the same person that is open already is an error that names it. On a terminal the
person's name must be typed once more, unless only a plan is asked for or --yes is given.

With --file it starts everybody of a CSV file: a header row names the columns, which are the fields of the input (user,
lastDay, reason, ticket, requestedBy, soak, functionalIds with ; in between, mode, approval, onFailure, removeUser, account, urgent).
The other flags hold for everybody who has nothing of their own in that column. If anything is wrong with the file nobody is
started; more people than --most are refused. Who has a run already is left alone, so the same file may be run again.`,
		Example: `  starter run --user leaver@acme.example --mode plan --wait
  starter run --user leaver@acme.example --last-day 2026-12-31T17:00:00+01:00 --ticket HR-1234 --requested-by hr@acme.example
  starter run --input request.json --yes --output json
  starter run --file leavers.csv --dry-run
  starter run --file leavers.csv --most 25 --ticket HR-2000 --requested-by hr@acme.example --yes`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			values := given(cmd.Flags())
			if many.file != "" {
				if _, named := values["user"]; named || input != "" {
					return usage("give one of --user, --input and --file")
				}
				if t.stays() {
					return usage("--wait and --follow show one run: use starter list --open for many")
				}
				return p.startMany(cmd.Context(), many, values, yes, dry)
			}
			request, err := p.request(values, input)
			if err != nil {
				return err
			}
			if dry {
				return p.showPeople([]leaver{{request: request}})
			}
			if err := p.confirm(request, yes); err != nil {
				return err
			}
			return p.start(cmd.Context(), request, t)
		},
	}
	requestFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&input, "input", "", "file with the input as one JSON object, - for standard input, instead of the flags above")
	f.StringVar(&many.file, "file", "", "CSV file with many people, - for standard input")
	f.IntVar(&many.most, "most", 10, "with --file: the brake, how many people at most")
	f.IntVar(&many.parallel, "parallel", 4, "with --file: how many are started at a time")
	f.BoolVar(&dry, "dry-run", false, "check the input and show what would be started; no server is asked")
	f.BoolVar(&yes, "yes", false, "do not ask")
	t.flags(cmd)
	complete(cmd, "input", files("json"))
	complete(cmd, "file", files("csv"))
	return cmd
}

// requestFlags adds the flags that are fields of the input.
func requestFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String("user", "", "e-mail address or IAM ID of the person who leaves")
	f.String("last-day", "", "nothing is changed before this moment, as in 2026-12-31T17:00:00+01:00")
	f.String("soak", offboard.DefaultSoak.String(), "healthy time between disabling and deleting the keys, as in 90m or 2d")
	f.Bool("remove-user", true, "remove the user from the account at the end")
	f.Bool("urgent", false, "put its steps before those of other runs, as for somebody who is dismissed")
	runFlags(cmd)
	for _, free := range []string{"user", "last-day", "soak"} {
		complete(cmd, free, cobra.NoFileCompletions)
	}
}

// runFlags adds the flags that are fields of the input of every kind of run that hands scopes over.
func runFlags(cmd *cobra.Command) {
	cmd.Flags().StringArray("functional-id", nil, "e-mail address of a functional ID that may take over (repeatable; default: all configured)")
	complete(cmd, "functional-id", cobra.NoFileCompletions)
	everyRunFlags(cmd)
}

// everyRunFlags adds the flags that are fields of the input of every kind of run.
func everyRunFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String("mode", offboard.ModeExecute, "execute, or plan to end with the plan")
	f.String("approval", offboard.ApprovalRequired, "required or none")
	f.String("on-failure", offboard.OnFailureHold, "hold for a person, or compensate")
	f.String("account", "", "the account, if it must be a certain one (default: IBMCLOUD_ACCOUNT_ID names the run)")
	f.String("reason", "", "why, for the report")
	f.String("ticket", "", "ticket, for the report")
	f.String("requested-by", "", "e-mail address of who asks for it")
	choices(cmd, "mode", offboard.ModeExecute, offboard.ModePlan)
	choices(cmd, "approval", offboard.ApprovalRequired, offboard.ApprovalNone)
	choices(cmd, "on-failure", offboard.OnFailureHold, offboard.OnFailureCompensate)
	for _, free := range []string{"account", "reason", "ticket", "requested-by"} {
		complete(cmd, free, cobra.NoFileCompletions)
	}
}

// files lets the shell complete files of a kind.
func files(extension string) cobra.CompletionFunc {
	return cobra.FixedCompletions([]string{extension}, cobra.ShellCompDirectiveFilterFileExt)
}

// given is the input that the flags make, of those that were given.
func given(flags *pflag.FlagSet) map[string]any { return givenAs(fields, flags) }

func givenAs(fields map[string]string, flags *pflag.FlagSet) map[string]any {
	values := map[string]any{}
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
	return values
}

// request makes the input of what the flags gave, or reads it.
func (p *program) request(values map[string]any, input string) (offboard.Request, error) {
	if input == "" {
		data, err := json.Marshal(values)
		if err != nil {
			return offboard.Request{}, fmt.Errorf("write the input: %w", err)
		}
		return offboard.DecodeRequest(data, p.now())
	}
	if len(values) > 0 {
		return offboard.Request{}, usage("give the input by --input or by flags, not both")
	}
	data, err := p.contents(input)
	if err != nil {
		return offboard.Request{}, usage("read the input: %v", err)
	}
	return offboard.DecodeRequest(data, p.now())
}

// wouldStart is what would be started, for programs.
type wouldStart struct {
	Line    int              `json:"line,omitempty"` // of the file, where there is one
	Request offboard.Request `json:"request"`
}

// confirm makes sure that the right person is meant.
func (p *program) confirm(request offboard.Request, yes bool) error {
	if yes || request.Mode != offboard.ModeExecute {
		return nil
	}
	return p.typeAgain("This offboards "+request.User+". Type the name again to go on:", request.User,
		request.Approval == offboard.ApprovalNone)
}

// confirmMany makes sure that so many people are meant.
func (p *program) confirmMany(people []leaver, yes bool) error {
	changes := func(l leaver) bool { return l.request.Mode == offboard.ModeExecute }
	unapproved := func(l leaver) bool { return changes(l) && l.request.Approval == offboard.ApprovalNone }
	if yes || !slices.ContainsFunc(people, changes) {
		return nil
	}
	return p.typeAgain(fmt.Sprintf("This offboards %d people. Type the number to go on:", len(people)), fmt.Sprint(len(people)),
		slices.ContainsFunc(people, unapproved))
}

// typeAgain asks for a text to be typed. Where nobody can be asked it refuses what nobody would look at later either.
func (p *program) typeAgain(question, want string, unapproved bool) error {
	switch {
	case p.typed && !p.asks:
		return usage("the question whether you are sure cannot be shown: say --yes")
	case !p.typed && unapproved:
		return usage("--approval none without a terminal: say --yes if nobody shall look at the plan first")
	case !p.typed:
		return nil
	}
	answer, err := p.ask("%s", question)
	if err != nil {
		return err
	}
	if !strings.EqualFold(answer, want) {
		return usage("%q is not %q: nothing was started", answer, want)
	}
	return nil
}

func (p *program) start(ctx context.Context, request offboard.Request, t then) error {
	r, disconnect, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer disconnect()
	begun, err := r.Start(ctx, request)
	if err != nil {
		return err
	}
	return p.started(ctx, r, begun, request.User, t)
}

// started says that a run was started, and stays with it where that is wanted. Name is what people call it by.
func (p *program) started(ctx context.Context, r runs, started app.Started, name string, t then) (err error) {
	switch {
	case p.format == "json" && t.stays():
		err = p.line(started)
	case p.format == "json":
		err = p.json(started)
	default:
		p.screen.Line("Started %s", started.WorkflowID)
		p.screen.Line("%s", p.screen.Faint(started.Link))
		if !t.stays() {
			p.screen.Line("Follow it: starter watch %s", name)
		}
	}
	if err != nil {
		return err
	}
	return p.after(ctx, r, started.WorkflowID, t)
}
