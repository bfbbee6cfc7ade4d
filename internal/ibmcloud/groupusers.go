package ibmcloud

import (
	"slices"
	"strings"
)

// groupUsers are the runs that use an access group, as they are noted at the end of its description: IAM changes a group
// only under the entity tag that was read, so what is noted there is seen by everybody or not written at all.
type groupUsers struct {
	text   string   // the description without the note
	runs   []string // that use the group
	closer string   // the run that is taking the group's access away; then nobody else may begin to use it
}

// IAM takes 250 characters of description. Where the runs do not fit, the note says many, for good: then no run takes the
// group's access away, which is the safe side, until somebody clears the note.
const (
	longestDescription = 250
	manyRuns           = "many"
)

const (
	noteBegin = " [in use by: "
	noteClose = " [being withdrawn by: "
	noteEnd   = "]"
)

// usersOf reads a description.
func usersOf(description string) groupUsers {
	u := groupUsers{text: description}
	if !strings.HasSuffix(description, noteEnd) {
		return u
	}
	if at := strings.LastIndex(description, noteClose); at >= 0 {
		u.text = description[:at]
		u.closer = strings.TrimSuffix(description[at+len(noteClose):], noteEnd)
		return u
	}
	if at := strings.LastIndex(description, noteBegin); at >= 0 {
		u.text = description[:at]
		u.runs = strings.Split(strings.TrimSuffix(description[at+len(noteBegin):], noteEnd), ", ")
	}
	return u
}

// String writes a description.
func (u groupUsers) String() string {
	switch {
	case u.closer != "":
		return u.text + noteClose + u.closer + noteEnd
	case len(u.runs) > 0:
		return u.text + noteBegin + strings.Join(u.runs, ", ") + noteEnd
	}
	return u.text
}

// joined adds a run.
func (u groupUsers) joined(run string) groupUsers {
	u.closer = ""
	if slices.Contains(u.runs, run) || slices.Contains(u.runs, manyRuns) {
		return u
	}
	u.runs = append(slices.Clone(u.runs), run)
	slices.Sort(u.runs)
	if len(u.String()) > longestDescription {
		u.runs = []string{manyRuns}
	}
	return u
}

// left takes a run out.
func (u groupUsers) left(run string) groupUsers {
	u.runs = slices.DeleteFunc(slices.Clone(u.runs), func(r string) bool { return r == run })
	if u.closer == run {
		u.closer = ""
	}
	return u
}
