package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"offboard/internal/offboard"
)

// explanation is what a text means, for programs.
type explanation struct {
	Found   []offboard.Explanation `json:"found"`
	Nearest *offboard.Symptom      `json:"nearest,omitempty"` // where nothing was found
}

func (p *program) explainCommand() *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use:   "explain [TEXT]",
		Short: "Say what an error of IBM Cloud, of a cluster or of this engine means, and what to do",
		Long: `Explain looks for known symptoms in an error message, a code or a whole log, and says what each means for the clusters,
where it comes from and what to do. Without a TEXT it reads standard input. It asks no server. It ends with 1 if it knows
none of what it was given. docs/symptoms.md holds the whole catalogue.`,
		Example: `  starter explain 'The IAM token exchange request failed with the message: {{.Message}} (P0005)'
  starter explain A03e9b
  kubectl -n kube-system logs deploy/ibm-vpc-block-csi-controller | starter explain
  starter explain --list`,
		RunE: func(_ *cobra.Command, args []string) error {
			if list {
				if len(args) > 0 {
					return usage("--list shows all that is known: it takes no text")
				}
				return p.showCatalogue()
			}
			text, err := p.symptomText(args)
			if err != nil {
				return err
			}
			return p.explain(text)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, s := range offboard.Symptoms() {
				for _, name := range append([]string{s.ID}, s.Codes...) {
					names = append(names, cobra.CompletionWithDesc(name, s.Title))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "show all symptoms that are known")
	return cmd
}

// symptomText is what was given as arguments or, without any, on standard input.
func (p *program) symptomText(args []string) (string, error) {
	text := strings.Join(args, " ")
	if len(args) == 0 {
		if p.typed {
			return "", usage("give the text, or pipe it in: starter explain 'TEXT'")
		}
		const most = 16 << 20 // a log of this size is read in seconds
		data, err := io.ReadAll(io.LimitReader(p.in, most))
		if err != nil {
			return "", fmt.Errorf("read the text: %w", err)
		}
		text = string(data)
	}
	if strings.TrimSpace(text) == "" {
		return "", usage("there is no text to explain")
	}
	return text, nil
}

// shownExplanations bounds what is told in full: who has more than that has one trouble and its echoes.
const shownExplanations = 3

func (p *program) explain(text string) error {
	answer := explanation{Found: append([]offboard.Explanation{}, offboard.Explain(text)...)}
	if len(answer.Found) == 0 {
		p.outcome = failed
		if nearest, ok := offboard.NearestSymptom(text); ok {
			answer.Nearest = &nearest
		}
	}
	if p.format == "json" {
		return p.json(answer)
	}
	for i, e := range answer.Found[:min(len(answer.Found), shownExplanations)] {
		if i > 0 {
			p.screen.Line("")
		}
		p.screen.Symptom(e.Symptom, e.Found)
	}
	if len(answer.Found) > shownExplanations {
		p.screen.Line("\nAlso in it:")
		for _, e := range answer.Found[shownExplanations:] {
			p.screen.Line("  %s: %s", e.ID, e.Title)
		}
	}
	if len(answer.Found) == 0 {
		p.screen.Line("Nothing of this is known here.")
		if answer.Nearest != nil {
			p.screen.Line("The nearest that is known: %s: %s (starter explain %s)", answer.Nearest.ID, answer.Nearest.Title, answer.Nearest.ID)
		}
		p.screen.Line("All that is known: starter explain --list")
	}
	return nil
}

func (p *program) showCatalogue() error {
	if p.format == "json" {
		return p.json(offboard.Symptoms())
	}
	var rows [][]string
	for _, s := range offboard.Symptoms() {
		rows = append(rows, []string{s.ID, strings.Join(s.Codes, " "), s.Title})
	}
	p.screen.Table([]string{"SYMPTOM", "CODES", "WHAT IT IS"}, rows)
	return nil
}
