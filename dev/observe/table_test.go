package observe_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// documented is a row of the table of our metrics: | `name` | `label`, `label` | ….
var documented = regexp.MustCompile("(?m)^\\| `(offboard_[a-z_]+)` \\| ([^|]*) \\|")

// everywhere are labels that Temporal's SDK gives to what workflows record.
var everywhere = []string{"namespace", "task_queue", "workflow_type", "activity_type", "worker_type", "client_name", "le"}

func checkDocumented(t *testing.T, pages map[string]*dto.MetricFamily) {
	data, err := os.ReadFile(filepath.Join(root, "docs", "observability.md"))
	require.NoError(t, err)
	said := map[string]string{}
	for _, row := range documented.FindAllStringSubmatch(string(data), -1) {
		said[row[1]] = row[2]
	}
	found := map[string]string{}
	for name, family := range pages {
		if !strings.HasPrefix(name, "offboard_") {
			continue
		}
		var labels []string
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if !slices.Contains(everywhere, l.GetName()) {
					labels = append(labels, "`"+l.GetName()+"`")
				}
			}
		}
		slices.Sort(labels)
		found[name] = strings.Join(slices.Compact(labels), ", ")
		assert.NotEmpty(t, family.GetHelp(), name)
	}
	assert.Equal(t, said, found)
}

// metricName finds the metrics in a query of PromQL: ours, the SDK's, and those of Go and of the process.
var metricName = regexp.MustCompile(`\b(?:offboard|temporal|go|process)_[a-z0-9_]+\b|\bup\b`)

// onlyAfterFailures are metrics of the SDK that are not there before the first failure of their kind, and the SDK's names
// for their names.
var onlyAfterFailures = map[string]string{
	"temporal_workflow_task_execution_failed_total": "WorkflowTaskExecutionFailureCounter",
	"temporal_activity_execution_failed_total":      "ActivityExecutionFailedCounter",
	"temporal_request_failure_total":                "TemporalRequestFailure",
}

func checkQueries(t *testing.T, pages map[string]*dto.MetricFamily) {
	known := map[string]bool{"up": true} // Prometheus adds it to every target
	for name, family := range pages {
		known[name] = true
		if family.GetType() == dto.MetricType_HISTOGRAM {
			known[name+"_bucket"], known[name+"_count"], known[name+"_sum"] = true, true, true
		}
	}
	sdk := sdkMetrics(t)
	queries := append(dashboardQueries(t), alertQueries(t)...)
	assert.Greater(t, len(queries), 30)
	for _, query := range queries {
		names := metricName.FindAllString(withoutStrings(query), -1)
		assert.NotEmpty(t, names, query)
		for _, name := range names {
			if constant, yes := onlyAfterFailures[name]; yes {
				assert.True(t, strings.Contains(sdk, "\t"+constant+" "), "the SDK has no such metric as %s any more", name)
				continue
			}
			assert.True(t, known[name], "%s is on no page, but is asked for in %s", name, query)
		}
	}
}

// withoutStrings leaves out what stands in quotes: values of labels.
func withoutStrings(query string) string {
	return regexp.MustCompile(`"[^"]*"`).ReplaceAllString(query, `""`)
}

// sdkMetrics is the list of names in the source of Temporal's SDK.
func sdkMetrics(t *testing.T) string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "go.temporal.io/sdk").Output()
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "internal", "common", "metrics", "constants.go"))
	require.NoError(t, err)
	return string(data)
}

// dashboardQueries are the queries of every panel.
func dashboardQueries(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "deploy", "observability", "grafana", "offboard.json"))
	require.NoError(t, err)
	var dashboard struct {
		UID    string `json:"uid"`
		Panels []struct {
			ID         int    `json:"id"`
			Title      string `json:"title"`
			Type       string `json:"type"`
			Datasource struct {
				UID string `json:"uid"`
			} `json:"datasource"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	require.NoError(t, json.Unmarshal(data, &dashboard))
	assert.NotEmpty(t, dashboard.UID)
	var list []string
	seen := map[int]bool{}
	for _, p := range dashboard.Panels {
		assert.False(t, seen[p.ID], "two panels have the ID %d", p.ID)
		seen[p.ID] = true
		if p.Type == "row" {
			continue
		}
		assert.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			list = append(list, target.Expr)
		}
	}
	return list
}

// alertQueries are the expressions of every rule. Each alert says what is wrong and where to read on.
func alertQueries(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "deploy", "observability", "prometheus", "alerts.yaml"))
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Expr        string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &file))
	page, err := os.ReadFile(filepath.Join(root, "docs", "observability.md"))
	require.NoError(t, err)
	var list []string
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			assert.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], r.Alert)
			assert.NotEmpty(t, r.Annotations["summary"], r.Alert)
			assert.Contains(t, string(page), "`"+r.Alert+"`", "the documentation says nothing of the alert")
			list = append(list, r.Expr)
		}
	}
	return list
}
