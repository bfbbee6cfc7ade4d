package offboard

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
)

//go:embed audit.tmpl.html
var auditText string

var auditTemplate = template.Must(template.New("audit").Funcs(template.FuncMap{
	"stamp":   stamp,
	"orDash":  orDash,
	"stateOf": stateOf,
	"plural":  plural,
	"ago":     ago,
}).Parse(`{{define "style"}}` + pageStyle() + `{{end}}` + auditText))

// pageStyle is the style of the report's page: all pages look alike.
func pageStyle() string {
	_, style, _ := strings.Cut(pageText, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	return style
}

// HTML is the audit as one page that is complete in itself, like that of a report: it loads nothing, runs no script, and
// can be read on a phone, in the dark and on paper. Everything that comes from outside is escaped. An error is a defect of
// ours.
func (a Audit) HTML() ([]byte, error) {
	var b bytes.Buffer
	if err := auditTemplate.Execute(&b, newAuditPage(a)); err != nil {
		return nil, fmt.Errorf("render the audit of account %s: %w", a.Account, err)
	}
	return b.Bytes(), nil
}

// auditPage is what the template shows: the audit, and what must be worked out of it.
type auditPage struct {
	A             Audit
	Tone, Verdict string
	Numbers       []number
	Facts         []fact
	Groups        []auditGroup
	LeftOut       string
}

// auditGroup is the findings of one severity.
type auditGroup struct {
	Title, Means, Tone string
	Anchor             string
	List               []AuditFinding
}

func newAuditPage(a Audit) auditPage {
	v := auditPage{A: a, Facts: a.facts(), LeftOut: a.leftOut()}
	switch a.Worst() {
	case Blocker:
		v.Tone, v.Verdict = "bad", "Something is broken, or breaks without anybody doing anything"
	case Decision:
		v.Tone, v.Verdict = "warn", "Something breaks when somebody leaves"
	case Note:
		v.Tone, v.Verdict = "info", "Nothing breaks; some things can be tidied"
	default:
		v.Tone, v.Verdict = "good", "Nothing was found"
	}
	t := a.Totals
	v.Numbers = []number{
		{fmt.Sprint(t.AtRisk), plural(t.AtRisk, "person would break clusters", "people would break clusters")},
		{fmt.Sprintf("%d of %d", t.PersonalClusters, t.Clusters), "clusters on personal keys"},
		{fmt.Sprintf("%d of %d", t.PersonalScopes, t.Scopes), "scopes on personal keys"},
		{fmt.Sprint(t.Failing), plural(t.Failing, "cluster fails from a lost key", "clusters fail from a lost key")},
		{fmt.Sprintf("%d of %d", t.Prunable, t.Superseded), "superseded keys proven unused"},
	}
	for _, g := range []auditGroup{
		{Title: "Blockers", Means: "Broken already, or breaking without anybody doing anything.", Tone: "bad", Anchor: "blockers"},
		{Title: "Decisions", Means: "Breaks when one person leaves, or cannot be excluded.", Tone: "warn", Anchor: "decisions"},
		{Title: "Notes", Means: "Works, and can be tidied.", Tone: "calm", Anchor: "notes"},
	} {
		severity := map[string]Severity{"blockers": Blocker, "decisions": Decision, "notes": Note}[g.Anchor]
		for _, f := range a.Findings {
			if f.Severity == severity {
				g.List = append(g.List, f)
			}
		}
		if len(g.List) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	return v
}
