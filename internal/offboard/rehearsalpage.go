package offboard

import _ "embed"

//go:embed rehearsal.tmpl.html
var rehearsalText string

// rehearsed is what the page shows of a rehearsal.
type rehearsed struct {
	*Rehearsal
	Others   []ExpectedProblem
	Expected []timeRow
	Assumed  []timeRow
}

// timeRow is a duration as it was rehearsed and as it is expected.
type timeRow struct {
	What, Measured, Usual, Long, Note string
}

func newRehearsed(r *Rehearsal) *rehearsed {
	v := &rehearsed{Rehearsal: r}
	if len(r.Problems) > 1 {
		v.Others = r.Problems[1:]
	}
	for _, t := range r.Expected {
		what, measured, usual, long := t.took()
		v.Expected = append(v.Expected, timeRow{What: what, Measured: measured, Usual: usual, Long: long, Note: t.Note})
	}
	if len(r.Expected) > 0 {
		v.Expected = append(v.Expected, timeRow{What: "All", Usual: span(r.Usual.Std()), Long: span(r.Long.Std()), Note: "people's answers"})
	}
	for _, d := range r.Delays {
		v.Assumed = append(v.Assumed, timeRow{What: capital(d.Name), Measured: span(d.Simulated.Std()), Usual: span(d.Usual.Std()), Long: span(d.Long.Std()), Note: d.Source})
	}
	return v
}
