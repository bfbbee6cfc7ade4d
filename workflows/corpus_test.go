package workflows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/sdk/workflow"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// found is what occurs in the corpus.
type found struct {
	types, statuses, phases, updates, holds, endings, signals, versions set
	open                                                                set // phases in which a run was left open
}

type set map[string]bool

func survey(t *testing.T) found {
	t.Helper()
	f := found{set{}, set{}, set{}, set{}, set{}, set{}, set{}, set{}, set{}}
	for _, path := range corpus(t) {
		h := load(t, path)
		kind := h.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
		assert.True(t, strings.HasPrefix(path, kind+"/"), "%s is of type %s", path, kind)
		if sealed(path) {
			continue // the same again
		}
		f.types[kind] = true
		phase := "" // of a run; it is written down from the admission on
		if kind == workflows.Offboard || kind == workflows.Move || kind == workflows.Prune {
			phase = string(offboard.PhaseAdmit)
		}
		for _, e := range h.Events {
			f.event(t, e, &phase)
		}
		last := h.Events[len(h.Events)-1].GetEventType()
		if !strings.HasPrefix(last.String(), "WorkflowExecution") {
			last = enumspb.EVENT_TYPE_UNSPECIFIED
			f.open[phase] = true
		}
		f.endings[kind+" "+last.String()] = true
	}
	return f
}

func (f found) event(t *testing.T, e *historypb.HistoryEvent, phase *string) {
	t.Helper()
	for name, payload := range e.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().GetIndexedFields() {
		var value string
		switch name {
		case workflows.StatusAttribute.GetName():
			require.NoError(t, plain.FromPayload(payload, &value))
			f.statuses[value] = true
		case workflows.PhaseAttribute.GetName():
			require.NoError(t, plain.FromPayload(payload, phase))
			f.phases[*phase] = true
		}
	}
	if a := e.GetWorkflowExecutionUpdateAcceptedEventAttributes(); a != nil {
		f.update(t, a.GetAcceptedRequest().GetInput())
	}
	if a := e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes(); a != nil {
		f.signals[a.GetSignalName()] = true
	}
	if a := e.GetMarkerRecordedEventAttributes(); a.GetMarkerName() == "Version" {
		var change string
		var version int
		require.NoError(t, plain.FromPayloads(a.GetDetails()["change-id"], &change))
		require.NoError(t, plain.FromPayloads(a.GetDetails()["version"], &version))
		f.versions[change+" "+strconv.Itoa(version)] = true
	}
}

func (f found) update(t *testing.T, in *updatepb.Input) {
	t.Helper()
	f.updates[in.GetName()] = true
	if in.GetName() == workflows.ResolveUpdate {
		var answer workflows.Resolve
		require.NoError(t, plain.FromPayloads(in.GetArgs(), &answer))
		f.holds[kindOf(answer.Scope)+" "+answer.Action] = true
	}
}

// holdKinds are the kinds of holds by the beginning of their subjects, each with the answers that it takes.
var holdKinds = map[string][]string{
	"scope":    {"retry", "skip", "abort"}, // a hand-over's, whose subject is the scope's name
	"survey":   {"retry", "abort"},
	"plan":     {"retry", "abort"},
	"prepare":  {"retry", "abort"},
	"fallback": {"retry", "abort"},
	"news":     {"retry", "abort"},
	"proof":    {"retry", "skip", "abort"},
	"key":      {"retry", "skip", "abort"},
	"soak":     {"retry", "skip", "abort"},
	"user":     {"retry", "skip", "abort"},
	"undo:":    {"retry", "skip", "abort"},
}

// kindOf is the kind of hold that a subject is of.
func kindOf(subject string) string {
	kind, _, _ := strings.Cut(subject, " ")
	if _, known := holdKinds[kind]; known {
		return kind
	}
	return "scope"
}

func TestTheCorpusHasEveryPath(t *testing.T) {
	f := survey(t)
	has := func(where set, what ...string) {
		t.Helper()
		for _, w := range what {
			assert.True(t, where[w], "%q does not occur in any history; there are %v", w, slices.Sorted(maps.Keys(where)))
		}
	}
	has(f.types, registered(t)...)
	has(f.statuses, constants(t, "../internal/offboard/progress.go", "Status")...)
	has(f.phases, constants(t, "../internal/offboard/progress.go", "Phase")...)
	has(f.updates, workflows.ApproveUpdate, workflows.RejectUpdate, workflows.RescheduleUpdate, workflows.ReinstateUpdate, workflows.ResolveUpdate)
	has(f.signals, "held", "answer")
	for kind, answers := range holdKinds {
		for _, answer := range answers {
			has(f.holds, kind+" "+answer)
		}
	}
	has(f.endings, "Offboard WorkflowExecutionCompleted", "Offboard WorkflowExecutionFailed", "Offboard WorkflowExecutionTerminated", "Offboard Unspecified",
		"HandOver WorkflowExecutionCompleted", "HandOver Unspecified", "Claim WorkflowExecutionCompleted", "Claim Unspecified",
		"Soak WorkflowExecutionCompleted", "Soak WorkflowExecutionContinuedAsNew", "Soak WorkflowExecutionCanceled", "Soak Unspecified")
	has(f.versions, versions(t)...)
	// A run waits in every phase but the one that is over at once.
	has(f.open, slices.DeleteFunc(constants(t, "../internal/offboard/progress.go", "Phase"), func(p string) bool { return p == string(offboard.PhasePlan) })...)
}

// registered are the names of the workflow types, as Register gives them.
func registered(t *testing.T) []string {
	t.Helper()
	var r registry
	workflows.Register(&r)
	require.NotEmpty(t, r.names)
	return r.names
}

type registry struct{ names []string }

func (r *registry) RegisterWorkflow(any) { panic("a workflow without a name of its own") }

func (r *registry) RegisterWorkflowWithOptions(_ any, o workflow.RegisterOptions) {
	r.names = append(r.names, o.Name)
}

func (r *registry) RegisterDynamicWorkflow(any, workflow.DynamicRegisterOptions) {
	panic("a workflow without a name")
}

// TestEveryKindOfHoldIsKnown reads the source, so that a new kind gets its paths in the corpus.
func TestEveryKindOfHoldIsKnown(t *testing.T) {
	kinds := map[string]bool{"scope": true}
	literal := func(e ast.Expr) {
		if sum, ok := e.(*ast.BinaryExpr); ok {
			e = sum.X
		}
		if text, ok := e.(*ast.BasicLit); ok {
			value, err := strconv.Unquote(text.Value)
			require.NoError(t, err)
			kind, _, _ := strings.Cut(value, " ")
			kinds[kind] = true
		}
	}
	eachNode(t, func(_ string, n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch f := n.Fun.(type) {
			case *ast.Ident:
				if f.Name == "holdFor" {
					literal(n.Args[0])
				}
			case *ast.SelectorExpr:
				if f.Sel.Name == "persist" {
					literal(n.Args[1])
				}
			}
		case *ast.CompositeLit:
			if of, ok := n.Type.(*ast.SelectorExpr); ok && of.Sel.Name == "Hold" {
				for _, e := range n.Elts {
					if field := e.(*ast.KeyValueExpr); field.Key.(*ast.Ident).Name == "Subject" {
						literal(field.Value)
					}
				}
			}
		}
	})
	assert.Equal(t, slices.Sorted(maps.Keys(holdKinds)), slices.Sorted(maps.Keys(kinds)), "say in holdKinds which answers the kind takes, and record a path for each")
}

// eachNode visits the syntax of the package.
func eachNode(t *testing.T, visit func(file string, n ast.Node)) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(syntax, func(n ast.Node) bool { visit(file, n); return true })
	}
}

// constants are the values of a type's constants, read from the source so that a new one is not forgotten.
func constants(t *testing.T, file, typeName string) []string {
	t.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	var values []string
	ast.Inspect(syntax, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typeName {
			for _, v := range spec.Values {
				value, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				require.NoError(t, err)
				values = append(values, value)
			}
		}
		return true
	})
	require.NotEmpty(t, values)
	return values
}

// versions are the change IDs of GetVersion in the source, each with the newest version that it names.
func versions(t *testing.T) []string {
	t.Helper()
	var list []string
	eachNode(t, func(file string, n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "GetVersion" || len(call.Args) != 4 {
			return
		}
		change, okChange := call.Args[1].(*ast.BasicLit)
		most, okMost := call.Args[3].(*ast.BasicLit)
		if !okChange || !okMost {
			t.Errorf("%s: GetVersion with anything but literals cannot be checked against the corpus", file)
			return
		}
		name, err := strconv.Unquote(change.Value)
		require.NoError(t, err)
		list = append(list, name+" "+most.Value)
	})
	return list
}
