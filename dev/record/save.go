package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"offboard/replay"
	"offboard/workflows"
)

// execution is one run of a workflow.
type execution struct{ id, run string }

// save stores the history of the run, and of those of its children that the scenario asks for. It returns how many files
// it wrote and how many bytes they have.
func (p *play) save(dir string, s scenario) (files, size int, err error) {
	h, err := p.history(p.run)
	if err != nil {
		return 0, 0, err
	}
	write := func(kind, name string, h *historypb.History) error {
		path := filepath.Join(dir, kind, version, name+".json.gz")
		if err := clean(h); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return fmt.Errorf("make the directory of the corpus: %w", err)
		}
		if err := replay.Save(path, h); err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("look at what was written: %w", err)
		}
		files, size = files+1, size+int(info.Size())
		return nil
	}
	kind := h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
	if err := write(kind, s.name, h); err != nil {
		return 0, 0, err
	}
	count := map[string]int{}
	for _, c := range children(h) {
		// Most are alike.
		if !map[string]bool{workflows.HandOver: s.scopes, workflows.Soak: s.soak, workflows.Claim: s.claim}[c.kind] {
			continue
		}
		for next := c.execution; next.run != ""; {
			h, err := p.history(next)
			if err != nil {
				return 0, 0, err
			}
			name := s.name
			if c.kind != workflows.Claim {
				count[c.kind]++
				name = fmt.Sprintf("%s-%d", s.name, count[c.kind])
			}
			if err := write(c.kind, name, h); err != nil {
				return 0, 0, err
			}
			next.run = h.GetEvents()[len(h.GetEvents())-1].GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		}
	}
	return files, size, nil
}

type child struct {
	execution
	kind string
}

func children(h *historypb.History) []child {
	var list []child
	for _, e := range h.GetEvents() {
		if a := e.GetChildWorkflowExecutionStartedEventAttributes(); a != nil {
			list = append(list, child{execution{a.GetWorkflowExecution().GetWorkflowId(), a.GetWorkflowExecution().GetRunId()}, a.GetWorkflowType().GetName()})
		}
	}
	return list
}

func (p *play) history(of execution) (*historypb.History, error) {
	h := &historypb.History{}
	events := p.Connection.GetWorkflowHistory(p.ctx, of.id, of.run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return nil, fmt.Errorf("read the history of %s: %w", of.id, err)
		}
		h.Events = append(h.Events, e)
	}
	return h, nil
}

// clear ends what the scenario left open, so that the next one finds the person free.
func (p *play) clear() error {
	if p.run.id == "" {
		return nil
	}
	open := []execution{p.run}
	open = append(open, p.others...)
	if h, err := p.history(p.run); err == nil {
		for _, c := range children(h) {
			open = append(open, execution{id: c.id}) // it may have continued as new
		}
	}
	var errs []error
	for _, e := range open {
		err := p.Connection.TerminateWorkflow(p.ctx, e.id, e.run, "recorded")
		if _, ended := errors.AsType[*serviceerror.NotFound](err); err != nil && !ended {
			errs = append(errs, fmt.Errorf("end %s: %w", e.id, err))
		}
	}
	time.Sleep(100 * time.Millisecond) // for the claim, which its parent's end takes along
	return errors.Join(errs...)
}

// secrets are what must never be in a history: every secret of a simulated account carries the first mark.
var secrets = regexp.MustCompile(`CANARY-|eyJ[A-Za-z0-9_-]{10,}\.|(?i)bearer [a-z0-9]`)

// clean takes out who and where recorded it, and refuses a history with a secret in it.
func clean(h *historypb.History) error {
	for _, e := range h.GetEvents() {
		scrub(e.ProtoReflect())
	}
	data, err := proto.Marshal(h) // payloads are readable in it
	if err != nil {
		return fmt.Errorf("look for secrets: %w", err)
	}
	if at := secrets.FindIndex(data); at != nil {
		return fmt.Errorf("there is a secret in the history: …%q…", data[max(at[0]-60, 0):at[1]])
	}
	host, err := os.Hostname()
	if err == nil && len(host) > 3 && bytes.Contains(data, []byte(host)) {
		return fmt.Errorf("the name of this machine, %s, is in the history", host)
	}
	return nil
}

// scrub replaces the identities of workers and clients and the names of sticky queues, which name a machine, and takes
// out what is of the server only.
func scrub(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			// payloads and search attributes; nothing in them is of the machine
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			for i := range v.List().Len() {
				scrub(v.List().Get(i).Message())
			}
		case f.IsList():
		case f.Kind() == protoreflect.MessageKind:
			scrub(v.Message())
		case f.Name() == "identity" || f.Name() == "worker_instance_key":
			m.Set(f, protoreflect.ValueOfString("recorder"))
		case f.Name() == "request_id" || f.Name() == "task_id":
			m.Clear(f) // of the server's own, and different in every recording
		case f.Name() == "name" && m.Descriptor().Name() == "TaskQueue" && strings.Contains(v.String(), ":"):
			m.Set(f, protoreflect.ValueOfString("sticky"))
		}
		return true
	})
}
