package stack

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"offboard/internal/offboard"
)

// Settings are what a stack's configuration file says differently from the engine's defaults. Zero means the value for
// a simulated account, whose clocks run in seconds where IBM's run in minutes.
type Settings struct {
	MinimumSoak     offboard.Duration
	SoakProbe       offboard.Duration
	PlanFreshness   offboard.Duration
	StepBudget      offboard.Duration
	Protected       []string
	AllowUnapproved bool
	// ContainersCalls bounds the requests to the containers API in 10 s; the simulator takes as many as come, unless its
	// account says otherwise.
	ContainersCalls int
	// Policy are further fields of the policy by their names in the file; they win over those above.
	Policy map[string]any
	// Webhook is the URL of a receiver that is told of everything; "" tells nobody.
	Webhook string
	// Encryption is the section of that name, on one line; "" encrypts nothing.
	Encryption string
}

// What signs the notices to Settings.Webhook; it opens nothing.
const (
	webhookVariable = "NOTICES_SIGNING_SECRET"
	webhookSecret   = "whsec_Q0FOQVJZLXNpZ25pbmctc2VjcmV0LW9mLXRoZS1zdGFjaw=="
)

var configFile = template.Must(template.New("config").Funcs(template.FuncMap{"json": inJSON}).Parse(`# Written at the start of the stack; a real one looks the same.
functionalIds:
{{- range .FunctionalIDs}}
  - email: {{.Email}}
    apiKey: env:{{.Variable}}
{{- end}}
policy:
{{- range $name, $value := .Policy}}
  {{$name}}: {{json $value}}
{{- end}}
{{- if .Encryption}}
encryption: {{.Encryption}}
{{- end}}
{{- if .Webhook}}
notifications:
  channels:
    - name: stack
      webhook: {url: {{json .Webhook}}, secret: "env:{{.WebhookVariable}}"}
{{- end}}
reports:
  directory: {{printf "%q" .Reports}}
worker:
  drain: 2s
  containersCalls: {{.ContainersCalls}}
`))

type configFunctionalID struct{ Email, Variable string }

// writeConfig writes the worker's configuration file into a directory and returns its path.
func writeConfig(dir, reports string, sim *Sim, s Settings) (string, error) {
	var b strings.Builder
	var ids []configFunctionalID
	for _, f := range sim.functionalIDs() {
		ids = append(ids, configFunctionalID{f.Email, f.variable})
	}
	err := configFile.Execute(&b, struct {
		FunctionalIDs   []configFunctionalID
		Policy          map[string]any
		Webhook         string
		WebhookVariable string
		Encryption      string
		Reports         string
		ContainersCalls int
	}{ids, s.policy(), s.Webhook, webhookVariable, s.Encryption, reports, s.ContainersCalls})
	if err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	path := filepath.Join(dir, "offboard.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	return path, nil
}

// policy is the section of that name, by the names of its fields.
func (s Settings) policy() map[string]any {
	const second, minute = offboard.Duration(1e9), offboard.Duration(60e9)
	policy := map[string]any{
		"minimumSoak":     cmp.Or(s.MinimumSoak, 4*second), // the life of a token in the sample account
		"soakProbe":       cmp.Or(s.SoakProbe, 2*second),
		"planFreshness":   cmp.Or(s.PlanFreshness, 15*minute),
		"replication":     3 * second,
		"secretPatience":  3 * second,
		"grantPatience":   minute,
		"allowUnapproved": s.AllowUnapproved,
	}
	if s.StepBudget > 0 {
		policy["stepBudget"] = s.StepBudget
	}
	if len(s.Protected) > 0 {
		policy["protected"] = s.Protected
	}
	maps.Copy(policy, s.Policy)
	return policy
}

// inJSON is a value as the file can hold it: YAML takes JSON.
func inJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}
