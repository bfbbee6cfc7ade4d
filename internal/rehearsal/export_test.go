package rehearsal

import "encoding/json"

// Armed writes the faults that a stage's simulator has.
func Armed(s *Stage) (string, error) {
	text, err := json.Marshal(s.cloud.Faults())
	return string(text), err
}

// Makespan is makespan.
var Makespan = makespan
