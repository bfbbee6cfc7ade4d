package offboard

// Severity says what a finding asks of people.
type Severity string

// The severities.
const (
	Blocker  Severity = "Blocker"  // nothing may be changed until it is gone
	Decision Severity = "Decision" // a person must answer at approval
	Note     Severity = "Note"     // good to know
)

// Finding is something a person should know before saying yes.
type Finding struct {
	// ID is stable for the same thing found twice: it is the key of an answer.
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Text     string   `json:"text"`              // one or two sentences: what, and what it means for which clusters
	Remedy   string   `json:"remedy,omitempty"`  // what to do about it
	Options  []string `json:"options,omitempty"` // of a Decision: the answers it takes, the safest first
}

// The answers that decisions take.
const (
	AnswerRetire = "retire" // disable and delete the key with the others
	AnswerKeep   = "keep"   // leave the key alone; the user is then not removed
	AnswerAccept = "accept" // go on although this part could not be seen or done
)

func count(findings []Finding, severity Severity) int {
	n := 0
	for _, f := range findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}
