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
	m := &message{}
	m.check = func() (err error) {
		if a.Answers, err = parseAnswers(answers); err != nil {
			return err
		}
		if a.Digest == "" && !p.interactive {
			return usage("name the plan you say yes to: --digest (starter status shows it)")
		}
		return nil
	}
	m.send = func(ctx context.Context, r runs, id string) (string, error) {
		a.By, a.Note = m.by, m.note
		if a.Digest == "" {
			if err := p.readAndAgree(ctx, r, id, &a); err != nil {
				return "", err
			}
		}
		return r.Approve(ctx, id, a)
	}
	cmd := p.tells(&cobra.Command{
		Use:   "approve RUN --by YOU",
		Short: "Say yes to a run's plan",
		Long: `Approve says yes to exactly the plan with the digest. Without --digest it shows the plan on a terminal, asks for what
is not answered yet, and then for your yes. Who requested the offboarding cannot approve it.`,
		Example: `  starter approve leaver@acme.example --by approver@acme.example
  starter approve leaver@acme.example --by approver@acme.example --digest 0123456789ab --answer key/ApiKey-1=retire --wait`,
	}, m)
	cmd.Flags().StringVar(&a.Digest, "digest", "", "digest of the plan you say yes to")
	cmd.Flags().StringArrayVar(&answers, "answer", nil, "answer to a decision, as ID=OPTION (repeatable)")
	p.completeFlag(cmd, "digest", func(now offboard.Progress) []string {
		if now.Plan == nil {
			return nil
		}
		return []string{now.Plan.Digest}
	})
	p.completeFlag(cmd, "answer", possibleAnswers)
	return cmd
}

func possibleAnswers(now offboard.Progress) []string {
	var list []string
	if now.Plan == nil {
		return nil
	}
	for _, f := range now.Plan.Findings {
		if f.Severity != offboard.Decision {
			continue
		}
		for _, option := range f.Options {
			list = append(list, cobra.CompletionWithDesc(f.ID+"="+option, f.Text))
		}
	}
	return list
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
		blockers := "1 blocker"
		if n > 1 {
			blockers = fmt.Sprintf("%d blockers", n)
		}
		return fmt.Errorf("the plan has %s and cannot be approved: remove what blocks it, then: starter resolve %s --scope plan --action retry --by %s", blockers, id, a.By)
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
