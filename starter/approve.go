package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"offboard/internal/offboard"
	"offboard/workflows"
)

func (p *program) approveCommand() *cobra.Command {
	var a workflows.Approve
	var answers []string
	cmd := &cobra.Command{
		Use:   "approve RUN --by YOU",
		Short: "Say yes to a run's plan",
		Long: `Approve says yes to exactly the plan with the digest. Without --digest it shows the plan on a terminal, asks for what
is not answered yet, and then for your yes. Who requested the offboarding cannot approve it.`,
		Example: `  starter approve leaver@acme.example --by approver@acme.example
  starter approve leaver@acme.example --by approver@acme.example --digest 0123456789ab --answer key/ApiKey-1=retire`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := needPerson(a.By); err != nil {
				return err
			}
			given, err := parseAnswers(answers)
			if err != nil {
				return err
			}
			a.Answers = given
			if a.Digest == "" && !p.interactive {
				return usage("name the plan you say yes to: --digest (starter status shows it)")
			}
			return p.with(cmd, args[0], func(ctx context.Context, r runs, id string) error {
				if a.Digest == "" {
					if err := p.readAndAgree(ctx, r, id, &a); err != nil {
						return err
					}
				}
				message, err := r.Approve(ctx, id, a)
				if err != nil {
					return err
				}
				return p.say(id, message)
			})
		},
	}
	person(cmd, &a.By)
	f := cmd.Flags()
	f.StringVar(&a.Digest, "digest", "", "digest of the plan you say yes to")
	f.StringArrayVar(&answers, "answer", nil, "answer to a decision, as ID=OPTION (repeatable)")
	f.StringVar(&a.Note, "note", "", "a note for the report")
	return cmd
}

// parseAnswers reads "ID=OPTION"; the last "=" divides, because an ID may hold one.
func parseAnswers(list []string) (map[string]string, error) {
	answers := map[string]string{}
	for _, text := range list {
		i := strings.LastIndex(text, "=")
		if i < 1 || i == len(text)-1 {
			return nil, usage("--answer %q is not ID=OPTION", text)
		}
		id := text[:i]
		if _, twice := answers[id]; twice {
			return nil, usage("--answer %s is given twice", id)
		}
		answers[id] = text[i+1:]
	}
	return answers, nil
}

// readAndAgree shows the plan and asks for the missing answers and the yes.
func (p *program) readAndAgree(ctx context.Context, r runs, id string, a *workflows.Approve) error {
	progress, _, err := r.Status(ctx, id)
	if err != nil {
		return err
	}
	if progress.Plan == nil || progress.Status != offboard.Running || progress.Phase != offboard.PhaseApprove {
		return fmt.Errorf("the run does not wait for an approval: it is in phase %q", progress.Phase)
	}
	plan := *progress.Plan
	p.screen.Plan(plan)
	p.screen.Line("")
	if n := plan.Blockers(); n > 0 {
		return fmt.Errorf("the plan has %d blockers and cannot be approved: remove them, then: starter resolve %s --scope plan --action retry --by %s", n, id, a.By)
	}
	for _, f := range plan.Findings {
		if f.Severity != offboard.Decision || a.Answers[f.ID] != "" {
			continue
		}
		answer, err := p.ask("%s\n%s (%s)?", f.Text, f.ID, strings.Join(f.Options, " or "))
		if err != nil {
			return err
		}
		if !slices.Contains(f.Options, answer) {
			return usage("%q is not one of %s: nothing was approved", answer, strings.Join(f.Options, ", "))
		}
		a.Answers[f.ID] = answer
	}
	yes, err := p.ask("Approve plan %s for %s as %s? Type yes:", plan.Digest, plan.Leaver.Email, a.By)
	if err != nil {
		return err
	}
	if !strings.EqualFold(yes, "yes") {
		return usage("nothing was approved")
	}
	a.Digest = plan.Digest
	return nil
}
