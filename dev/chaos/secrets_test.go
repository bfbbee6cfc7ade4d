package chaos_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// canary finds secrets: every key of a simulated account carries the mark, tokens are known by their form.
var canary = regexp.MustCompile(`CANARY-|eyJ[A-Za-z0-9_-]{10,}\.|(?i)bearer [a-z0-9]`)

// secrets searches everything that a run leaves behind: the histories of all its workflows, the worker's log at level
// debug, the reports in every form. It returns a sentence for each find and how much it searched.
func (b *bench) secrets(out outcome) (found []string, size int64) {
	search := func(where, text string) {
		size += int64(len(text))
		for _, at := range canary.FindAllStringIndex(text, 3) {
			found = append(found, fmt.Sprintf("a secret in %s: …%s…", where, text[max(at[0]-80, 0):min(at[1]+20, len(text))]))
		}
	}
	histories, err := b.histories()
	if err != nil {
		return []string{err.Error()}, size
	}
	for name, text := range histories {
		search("the history of "+name, text)
	}
	search("the log at level debug", b.log.String())
	if text, err := json.Marshal(out.report); err == nil {
		search("the result", string(text))
	}
	files, err := filepath.Glob(filepath.Join(b.reports, "*"))
	if err != nil {
		return append(found, err.Error()), size
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			return append(found, err.Error()), size
		}
		search(filepath.Base(f), string(content))
	}
	return found, size
}

// histories are all events of all workflows of this case as text, payloads in the clear.
func (b *bench) histories() (map[string]string, error) {
	texts := map[string]string{}
	// What has just ended shows up in lists with some delay.
	for range 20 {
		list, err := b.conn.ListWorkflow(b.ctx, &workflowservice.ListWorkflowExecutionsRequest{
			PageSize: 1000, Query: fmt.Sprintf("StartTime >= %q", b.began.Add(-time.Second).UTC().Format(time.RFC3339Nano)),
		})
		if err != nil {
			return nil, fmt.Errorf("list the workflows: %w", err)
		}
		if len(list.GetExecutions()) == 0 {
			time.Sleep(look)
			continue
		}
		for _, e := range list.GetExecutions() {
			id := e.GetExecution()
			text, err := b.history(id.GetWorkflowId(), id.GetRunId())
			if err != nil {
				return nil, err
			}
			texts[e.GetType().GetName()+" "+id.GetWorkflowId()+" "+id.GetRunId()] = text
		}
		return texts, nil
	}
	return nil, fmt.Errorf("no workflow is listed in namespace %s", b.conn.Namespace)
}

func (b *bench) history(id, run string) (string, error) {
	var text strings.Builder
	events := b.conn.GetWorkflowHistory(b.ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return "", fmt.Errorf("read the history of %s: %w", id, err)
		}
		line, err := protojson.Marshal(e)
		if err != nil {
			return "", fmt.Errorf("write the history of %s: %w", id, err)
		}
		text.WriteString(inTheClear(string(line)))
	}
	return text.String(), nil
}

// encoded is a payload as Temporal's JSON writes it.
var encoded = regexp.MustCompile(`"data":\s*"([A-Za-z0-9+/=]+)"`)

// inTheClear puts what each payload says behind it.
func inTheClear(line string) string {
	return encoded.ReplaceAllStringFunc(line, func(field string) string {
		data, err := base64.StdEncoding.DecodeString(encoded.FindStringSubmatch(field)[1])
		if err != nil {
			return field
		}
		return `"data":` + string(data)
	})
}
