package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"offboard/internal/app"
	"offboard/internal/console"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// The exit codes.
const (
	done       = 0
	failed     = 1
	misused    = 2
	incomplete = 3
)

// runs is what the verbs need of the engine.
type runs interface {
	Start(context.Context, offboard.Request) (app.Started, error)
	Find(ctx context.Context, name string) (string, error)
	List(context.Context, app.Filter) ([]app.Listed, error)
	Status(ctx context.Context, workflowID string) (offboard.Progress, map[string]offboard.ScopeProgress, error)
	Follow(ctx context.Context, workflowID string, every time.Duration, show func(offboard.Progress, map[string]offboard.ScopeProgress) bool) error
	Report(ctx context.Context, workflowID string) (offboard.Report, bool, error)
	Approve(ctx context.Context, workflowID string, a workflows.Approve) (string, error)
	Reject(ctx context.Context, workflowID string, a workflows.Reject) (string, error)
	Reschedule(ctx context.Context, workflowID string, a workflows.Reschedule) (string, error)
	Reinstate(ctx context.Context, workflowID string, a workflows.Reinstate) (string, error)
	Resolve(ctx context.Context, workflowID string, a workflows.Resolve) (string, error)
	Link(workflowID, runID string) string
	StartForm() string
	SetUp(context.Context) (app.SetUp, error)
}

// program is one call of the command line.
type program struct {
	env         func(string) string
	in          *bufio.Reader
	out, err    io.Writer
	screen      *console.Console
	interactive bool // somebody can answer questions
	now         func() time.Time
	connect     func(context.Context) (runs, func(), error)
	checks      func(context.Context) ([]app.Check, error)

	format  string // text or json
	begun   bool   // a verb was reached: what fails from then on is no misuse
	outcome int    // the exit code of a verb that did not fail
}

func newProgram(env func(string) string, stdin io.Reader, stdout, stderr io.Writer) *program {
	p := &program{env: env, in: bufio.NewReader(stdin), out: stdout, err: stderr, screen: console.New(stdout, env), now: time.Now}
	f, isFile := stdin.(*os.File)
	p.interactive = isFile && term.IsTerminal(int(f.Fd())) && p.screen.IsTerminal()
	return p
}

// misuse is an error in how the program was called.
type misuse struct{ error }

// Unwrap gives the error itself.
func (m misuse) Unwrap() error { return m.error }

func usage(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return p.outcome
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted; runs go on without it")
	}
	p.complain(err)
	_, wrong := errors.AsType[misuse](err)
	_, input := errors.AsType[*offboard.InvalidInput](err)
	if wrong || input || !p.begun {
		return misused
	}
	return failed
}

// complain writes an error for people or for programs.
func (p *program) complain(err error) {
	if p.format != "json" {
		fmt.Fprintln(p.err, "starter:", err)
		return
	}
	answer := struct {
		Error    string   `json:"error"`
		Problems []string `json:"problems,omitempty"`
		Run      string   `json:"run,omitempty"`
		Link     string   `json:"link,omitempty"`
	}{Error: err.Error()}
	if invalid, yes := errors.AsType[*offboard.InvalidInput](err); yes {
		answer.Problems = invalid.Problems
	}
	if open, yes := errors.AsType[*app.AlreadyRunning](err); yes {
		answer.Run, answer.Link = open.WorkflowID, open.Link
	}
	_ = json.NewEncoder(p.err).Encode(answer) // nobody is left to tell
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "starter",
		Short: "Offboard people from an IBM Cloud account without breaking its clusters",
		Long: `Starter starts offboardings, shows how they stand, and answers what they ask of people.

A RUN is named by its workflow ID, or by the e-mail address or the IAM ID of the person it is about.

Temporal is found by the standard TEMPORAL_* variables and profiles, the account by IBMCLOUD_ACCOUNT_ID, the Web UI by
OFFBOARD_UI_URL. Exit codes: 0 done, 1 failed, 2 called wrongly, 3 incomplete or waiting for a person.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains([]string{"text", "json"}, p.format) {
				return usage("--output is %q: it must be text or json", p.format)
			}
			p.begun = true
			return nil
		},
	}
	root.PersistentFlags().StringVarP(&p.format, "output", "o", "text", "how to print: text or json")
	root.AddCommand(p.runCommand(), p.listCommand(), p.statusCommand(), p.watchCommand(), p.approveCommand(),
		p.rejectCommand(), p.rescheduleCommand(), p.reinstateCommand(), p.resolveCommand(), p.reportCommand(),
		p.setupCommand(), p.checkCommand(), p.replayCommand(), p.versionCommand())
	choices(root, "output", "text", "json")
	return root
}

// oneRun makes cobra take exactly one RUN.
func oneRun(_ *cobra.Command, args []string) error {
	if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
		return usage("name one run: by its workflow ID, or by the e-mail address or the IAM ID of the person it is about")
	}
	return nil
}

// choices lets the shell complete a flag's values.
func choices(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // a flag of that name is not defined
	}
}

// with connects, finds the run and calls a verb with it.
func (p *program) with(cmd *cobra.Command, name string, verb func(ctx context.Context, r runs, id string) error) error {
	r, disconnect, err := p.connect(cmd.Context())
	if err != nil {
		return err
	}
	defer disconnect()
	id, err := r.Find(cmd.Context(), name)
	if err != nil {
		return err
	}
	return verb(cmd.Context(), r, id)
}

func (p *program) json(value any) error {
	enc := json.NewEncoder(p.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// say prints what a run answered.
func (p *program) say(id, message string) error {
	if p.format == "json" {
		return p.json(map[string]string{"run": id, "message": message})
	}
	p.screen.Line("%s", message)
	return nil
}

// ask puts a question and reads one line. An ended input is an empty answer.
func (p *program) ask(format string, args ...any) (string, error) {
	fmt.Fprintf(p.err, format+" ", args...)
	line, err := p.in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// person reads the --by flag of a verb.
func person(cmd *cobra.Command, by *string) {
	cmd.Flags().StringVar(by, "by", "", "your e-mail address (required)")
}

func needPerson(by string) error {
	if !strings.Contains(by, "@") {
		return usage("say who you are: --by you@acme.example")
	}
	return nil
}

// outcomeOf is the exit code for how a run stands.
func outcomeOf(p offboard.Progress) int {
	switch p.Status {
	case offboard.Completed, offboard.AlreadyGone, offboard.Planned:
		return done
	case offboard.Incomplete:
		return incomplete
	case offboard.Running:
		if p.NeedsPerson() {
			return incomplete
		}
		return done
	}
	return failed // the offboarding was asked for and did not happen: Rejected, Reinstated, RolledBack
}

// tells is what a verb does that only says something to a run, in a person's name.
func (p *program) tells(by *string, message func(ctx context.Context, r runs, id string) (string, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := needPerson(*by); err != nil {
			return err
		}
		return p.with(cmd, args[0], func(ctx context.Context, r runs, id string) error {
			answer, err := message(ctx, r, id)
			if err != nil {
				return err
			}
			return p.say(id, answer)
		})
	}
}
