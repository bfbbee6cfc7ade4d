package app

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"offboard/internal/door"
	"offboard/internal/offboard"
	"offboard/workflows"
)

// DoorEngine is the engine as the HTTP door needs it.
type DoorEngine struct{ runs *Runs }

var _ door.Engine = (*DoorEngine)(nil)

// NewDoorEngine makes a DoorEngine. The runs' patience should be shorter than the door's own.
func NewDoorEngine(r *Runs) *DoorEngine { return &DoorEngine{runs: r} }

// Start implements door.Engine.
func (e *DoorEngine) Start(ctx context.Context, request offboard.Request) (door.Run, error) {
	started, err := e.runs.Start(ctx, request)
	if open, yes := errors.AsType[*AlreadyRunning](err); yes {
		return door.Run{}, &door.Open{Run: door.Run{ID: open.WorkflowID, RunID: open.RunID, Link: open.Link}}
	}
	if err != nil {
		return door.Run{}, engineAway(err)
	}
	return door.Run{ID: started.WorkflowID, RunID: started.RunID, Link: started.Link, Mode: request.Mode}, nil
}

// Find implements door.Engine. A run that was started elsewhere has an ID that tells nothing: then the open runs are
// asked whom they are about, which takes a worker.
func (e *DoorEngine) Find(ctx context.Context, user string) (door.Run, error) {
	const most = 200 // open at the same time: people approve each of them
	id := workflows.ID(e.runs.config.Account, user)
	run, err := e.look(ctx, id)
	if run.ID != "" || err != nil {
		return run, err
	}
	id, err = e.runs.search(ctx, user, Filter{Open: true, Limit: most})
	if err != nil {
		return door.Run{}, engineAway(err)
	}
	if id == "" {
		return door.Run{}, nil
	}
	return e.look(ctx, id)
}

// look tells how an open run stands; a Run without an ID if it is not open.
func (e *DoorEngine) look(ctx context.Context, id string) (door.Run, error) {
	d, err := e.runs.describe(ctx, id)
	if _, missing := errors.AsType[*NoRun](err); missing {
		return door.Run{}, nil
	}
	if err != nil {
		return door.Run{}, engineAway(err)
	}
	if d.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return door.Run{}, nil
	}
	var p offboard.Progress
	if err := e.runs.query(ctx, id, &p); err != nil {
		return door.Run{}, engineAway(err)
	}
	runID := d.WorkflowExecution.RunID
	run := door.Run{ID: id, RunID: runID, Link: e.runs.Link(id, runID), Mode: p.Request.Mode, Phase: p.Phase, LastDay: p.Request.LastDay}
	if p.Status != offboard.Running {
		run.Phase = offboard.PhaseReport
	}
	return run, nil
}

// Reschedule implements door.Engine.
func (e *DoorEngine) Reschedule(ctx context.Context, m door.Message, lastDay time.Time) (string, error) {
	return e.tell(ctx, m, workflows.RescheduleUpdate, workflows.Reschedule{By: m.By, LastDay: lastDay, Note: m.Note})
}

// Reinstate implements door.Engine.
func (e *DoorEngine) Reinstate(ctx context.Context, m door.Message) (string, error) {
	return e.tell(ctx, m, workflows.ReinstateUpdate, workflows.Reinstate{By: m.By, Note: m.Note})
}

// Approve implements door.Engine.
func (e *DoorEngine) Approve(ctx context.Context, m door.Message, a door.Approval) (string, error) {
	return e.tell(ctx, m, workflows.ApproveUpdate, workflows.Approve{By: m.By, Digest: a.Digest, Answers: a.Answers, Note: m.Note, Proof: a.Proof})
}

// Reject implements door.Engine.
func (e *DoorEngine) Reject(ctx context.Context, m door.Message) (string, error) {
	return e.tell(ctx, m, workflows.RejectUpdate, workflows.Reject{By: m.By, Note: m.Note})
}

// Resolve implements door.Engine.
func (e *DoorEngine) Resolve(ctx context.Context, m door.Message, r door.Resolution) (string, error) {
	return e.tell(ctx, m, workflows.ResolveUpdate, workflows.Resolve{Scope: r.Scope, Action: r.Action, By: m.By, Note: m.Note})
}

// Standing implements door.Engine.
func (e *DoorEngine) Standing(ctx context.Context, name string) (door.Standing, error) {
	id, err := e.runs.Find(ctx, name)
	if err != nil {
		return door.Standing{}, standingFailed(name, err)
	}
	// Looked up first: if another run takes its place meanwhile, what is told to this one comes too late.
	d, err := e.runs.describe(ctx, id)
	if err != nil {
		return door.Standing{}, standingFailed(name, err)
	}
	report, _, err := e.runs.Report(ctx, id)
	if err != nil {
		return door.Standing{}, standingFailed(name, err)
	}
	run := door.Run{ID: id, RunID: d.WorkflowExecution.RunID, Link: e.runs.Link(id, d.WorkflowExecution.RunID), Mode: report.Progress.Request.Mode,
		Phase: report.Progress.Phase, LastDay: report.Progress.Request.LastDay}
	return door.Standing{Run: run, Progress: report.Progress}, nil
}

func standingFailed(name string, err error) error {
	if _, absent := errors.AsType[*NoRun](err); absent {
		return &door.NoRun{Name: name}
	}
	if failed, yes := errors.AsType[*Failed](err); yes {
		return &door.Refused{Run: failed.WorkflowID, Message: failed.Error()}
	}
	return engineAway(err)
}

// tell sends an update whose ID is made of the message's key: the server lets the same update through once and gives the
// same answer to all others.
func (e *DoorEngine) tell(ctx context.Context, m door.Message, name string, argument any) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, e.runs.config.Patience)
	defer cancel()
	id := "" // the client makes one
	if m.Key != "" {
		key := sha256.Sum256([]byte(m.Key))
		id = name + "-" + hex.EncodeToString(key[:16])
	}
	handle, err := e.runs.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		UpdateID:     id,
		WorkflowID:   m.Run.ID,
		RunID:        m.Run.RunID,
		UpdateName:   name,
		Args:         []any{argument},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	var reply workflows.Reply
	if err == nil {
		err = handle.Get(ctx, &reply)
	}
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return "", &door.Gone{Run: m.Run.ID}
	}
	if refused, yes := errors.AsType[*temporal.ApplicationError](err); yes {
		return "", &door.Refused{Run: m.Run.ID, Message: refused.Message()}
	}
	if err != nil {
		return "", engineAway(fmt.Errorf("%s %s: %w", name, m.Run.ID, err))
	}
	return reply.Message, nil
}

// Ready implements door.Engine.
func (e *DoorEngine) Ready(ctx context.Context) error {
	if _, err := e.runs.client.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("ask Temporal how it is: %w", err)
	}
	return nil
}

// engineAway says in words for a sender that the engine cannot be asked now.
func engineAway(err error) error {
	if _, absent := errors.AsType[*NoWorker](err); absent {
		return &door.Away{After: time.Minute, Why: "no worker of the engine answers", Cause: err}
	}
	return &door.Away{After: 30 * time.Second, Why: "the engine does not answer", Cause: err}
}

// Opened says of a door that listens where it is, and by which public key it vouches for approvals; empty: it does not, or
// the key cannot be read now.
type Opened struct{ Address, ApproverKey string }

// OpenDoor runs the HTTP door until the context ends. opened is called once it listens. It opens whether or not Temporal
// answers: what can be kept is kept, and all others are told to come again.
func OpenDoor(ctx context.Context, t Triggers, env func(string) string, logger *zap.Logger, opened func(Opened)) (err error) {
	told, err := NewTelemetry(ctx, "door", env, t.Redactor, logger)
	if err != nil {
		return err
	}
	defer CloseTelemetry(ctx, told, logger)
	connection, err := DialLater(configuredBy(t.File, env), logger, told)
	if err != nil {
		return err
	}
	defer connection.Close()
	store, err := door.OpenStore(t.Store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	var secure *tls.Config
	scheme := "http://"
	if t.Certificate != "" {
		if secure, err = door.Certificate(t.Certificate, t.Key); err != nil {
			return err
		}
		scheme = "https://"
	}
	listener, err := net.Listen("tcp", t.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", t.Listen, err)
	}
	// Shorter than an event may take: what the engine says in time still reaches the sender.
	const patience = 8 * time.Second
	config := t.Door
	config.Store, config.Logger, config.Watch = store, logger, watchDoor(told)
	config.Engine = NewDoorEngine(NewRuns(connection, RunsConfig{Account: t.Account, Namespace: connection.Namespace, UI: connection.UI, Patience: patience}))
	d := door.New(config)
	h := newHealth(env(healthAddress), d.Handler(), backlogFirst(told, d, logger))
	if err := h.start(); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer h.stop()
	opened(Opened{Address: scheme + listener.Addr().String(), ApproverKey: approverKey(ctx, config.ApprovalKey, logger)})
	return d.Serve(ctx, listener, secure)
}

// approverKey is the public half of the door's approval key.
func approverKey(ctx context.Context, secret door.Secret, logger *zap.Logger) string {
	if secret == nil {
		return ""
	}
	value, err := secret(ctx)
	if err == nil {
		var key ed25519.PrivateKey
		if key, err = door.ParseApprovalKey(value); err == nil {
			return door.ApproverKey(key)
		}
	}
	logger.Warn("triggers.approvalKey cannot be used now; until it can, nobody can approve through the door", zap.Error(err))
	return ""
}
