package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

// hurry is how long a shell may be kept waiting for the names of runs; without an answer it simply has none.
const hurry = 1500 * time.Millisecond

// choices lets the shell complete a flag's values.
func choices(cmd *cobra.Command, flag string, values ...string) {
	complete(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func complete(cmd *cobra.Command, flag string, by cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, by); err != nil {
		panic(err) // a flag of that name is not defined
	}
}

// completeRun offers the people whose runs are open, or their workflow IDs to who began to type one.
func (p *program) completeRun(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p.quickly(cmd, func(ctx context.Context, r runs) {
		const most = 50 // more would not fit on a screen, and each is looked up
		list, err := r.List(ctx, app.Filter{Open: true, Limit: most})
		if err != nil {
			return
		}
		for _, l := range list {
			name := l.Person
			if name == "" || strings.Contains(begun, "/") {
				name = l.WorkflowID
			}
			if strings.HasPrefix(strings.ToLower(name), strings.ToLower(begun)) {
				names = append(names, cobra.CompletionWithDesc(name, standingShort(l)))
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

func standingShort(l app.Listed) string {
	if l.NeedsPerson {
		return string(l.Phase) + ", needs a person"
	}
	return string(l.Phase)
}

// completeFlag offers values for a flag that the named run knows.
func (p *program) completeFlag(cmd *cobra.Command, flag string, values func(offboard.Progress) []string) {
	complete(cmd, flag, func(cmd *cobra.Command, args []string, _ string) (found []string, _ cobra.ShellCompDirective) {
		if len(args) == 1 {
			p.quickly(cmd, func(ctx context.Context, r runs) {
				id, err := r.Find(ctx, args[0])
				if err != nil {
					return
				}
				if now, _, err := r.Status(ctx, id); err == nil {
					found = values(now)
				}
			})
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	})
}

// quickly asks the engine within hurry. What goes wrong is not said: the person only pressed a key.
func (p *program) quickly(cmd *cobra.Command, ask func(context.Context, runs)) {
	ctx, cancel := context.WithTimeout(cmd.Context(), hurry)
	defer cancel()
	r, disconnect, err := p.connect(ctx)
	if err != nil {
		return
	}
	defer disconnect()
	ask(ctx, r)
}
