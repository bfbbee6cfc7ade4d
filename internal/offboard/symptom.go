package offboard

import (
	"cmp"
	"slices"
	"strings"
)

// Symptom is something people see when a cluster's key, its owner or the engine is in trouble: the texts and codes it
// shows itself by, what it means, and what to do.
type Symptom struct {
	ID    string   `json:"id"` // stable; also its heading in docs/symptoms.md
	Title string   `json:"title"`
	Codes []string `json:"codes,omitempty"` // as the service writes them
	// Texts are what is shown or said, in fragments; … stands for whatever the service fills in.
	Texts      []string   `json:"texts,omitempty"`
	Means      string     `json:"means"` // for the clusters and the people who use them
	Cause      string     `json:"cause"`
	Do         []Advice   `json:"do"`
	Docs       string     `json:"docs"` // where it is written down, within the repository
	Confidence Confidence `json:"confidence"`
}

// Advice is one thing to do, with the command that does it where there is one. Words in capitals in a command are to be
// filled in.
type Advice struct {
	Text    string `json:"text"`
	Command string `json:"command,omitempty"`
}

// Confidence says how sure it is that a symptom means what is said of it.
type Confidence string

// The confidences, the best first.
const (
	Documented Confidence = "documented" // the vendor's documentation or published code says so
	Reported   Confidence = "reported"   // people met it and said so in public
	Inferred   Confidence = "inferred"   // concluded from the two
)

// Explanation is a symptom that was found in a text.
type Explanation struct {
	Symptom
	// Found are the codes and fragments that were found.
	Found []string `json:"found"`
	// Score is how much of the symptom was found: higher is surer. It only compares explanations of one text.
	Score int `json:"score"`
}

// Symptoms is the catalogue.
func Symptoms() []Symptom {
	list := slices.Concat(keySymptoms(), accessSymptoms(), clusterSymptoms(), engineSymptoms())
	for i := range list {
		list[i].Docs = "docs/symptoms.md#" + list[i].ID
	}
	return list
}

// Explain finds the symptoms that a text shows, the surest first. The text may be one message or a whole log: case,
// white space, punctuation, escapes and templates that were not filled in do not matter. A symptom's ID is explained, too.
func Explain(text string) []Explanation {
	s := read(text)
	var list []Explanation
	for _, symptom := range Symptoms() {
		e := Explanation{Symptom: symptom}
		if strings.TrimSpace(s.plain) == symptom.ID {
			e.Found, e.Score = []string{symptom.ID}, codeScore
		}
		for _, code := range symptom.Codes {
			if s.hasCode(code) {
				e.Found = append(e.Found, code)
				e.Score += codeScore
			}
		}
		for _, fragment := range symptom.Texts {
			if n := s.find(fragment); n > 0 {
				e.Found = append(e.Found, fragment)
				e.Score += n * wordScore
			}
		}
		if len(e.Found) > 0 {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b Explanation) int { return cmp.Compare(b.Score, a.Score) })
	return list
}

// A code says more than a short fragment and less than a long one.
const (
	codeScore = 60
	wordScore = 10
)

// NearestSymptom offers what a text that shows no symptom was perhaps meant to be: by a code that is nearly right, or by
// the words it shares with a fragment. It tells whether there is one.
func NearestSymptom(text string) (Symptom, bool) {
	s := read(text)
	var best Symptom
	highest := 0.0
	for _, symptom := range Symptoms() {
		if d := s.likeness(symptom); d > highest {
			best, highest = symptom, d
		}
	}
	const least = 0.5 // less than half is a coincidence
	return best, highest >= least
}
