package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"offboard/activities"
	"offboard/internal/ibmcloud"
	"offboard/internal/kubernetes"
	"offboard/internal/offboard"
	"offboard/internal/telemetry"
	"offboard/workflows"
)

// newAuditPorts builds what an audit works through: adapters of its own, whose transport refuses every request that would
// change something.
func newAuditPorts(c client.Client, config Config, logger *zap.Logger, told *telemetry.Telemetry) (activities.AuditPorts, error) {
	reading := cloudConfig(config, observeCloud(told, logger))
	reading.HTTPClient = &http.Client{Transport: ibmcloud.ReadOnly(nil)}
	cloud, err := ibmcloud.New(reading)
	if err != nil {
		return activities.AuditPorts{}, fmt.Errorf("make the IBM Cloud client that only reads: %w", err)
	}
	emails := make([]string, len(config.FunctionalIDs))
	for i, f := range config.FunctionalIDs {
		emails[i] = f.Email
	}
	return activities.AuditPorts{
		Users:         cloud.Users,
		Keys:          cloud.Keys,
		Identities:    cloud.Access,
		Clusters:      cloud.Clusters,
		Workloads:     kubernetes.New(kubernetes.Config{Kubeconfig: cloud.Kubeconfig, UserAgent: userAgent, Observe: observeKubernetes(told, logger)}),
		History:       NewRuns(c, RunsConfig{Account: config.Account}),
		Shelf:         NewShelf(config.Reports, config.Signer),
		Account:       config.Account,
		FunctionalIDs: emails,
		Policy:        config.Policy,
		Now:           time.Now,
	}, nil
}

// Audit starts an audit. *AlreadyRunning if one of the account is open.
func (r *Runs) Audit(ctx context.Context, request offboard.AuditRequest) (Started, error) {
	account, err := r.account(offboard.Request{Account: request.Account})
	if err != nil {
		return Started{}, err
	}
	return r.begin(ctx, workflows.AuditOptions(account), workflows.Audit, request, "the audit of account "+account)
}

// WaitAudit waits for an audit's end. Errors are those of Wait.
func (r *Runs) WaitAudit(ctx context.Context, workflowID, runID string) (offboard.Audit, error) {
	var audit offboard.Audit
	err := r.result(ctx, workflowID, runID, &audit)
	return audit, err
}

// AuditStatus asks an audit how far it is.
func (r *Runs) AuditStatus(ctx context.Context, workflowID, runID string) (offboard.AuditProgress, error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.Patience)
	defer cancel()
	var p offboard.AuditProgress
	answer, err := r.client.QueryWorkflow(ctx, workflowID, runID, workflows.StatusQuery)
	if err == nil {
		err = answer.Get(&p)
	}
	if err != nil {
		return p, fmt.Errorf("ask the audit %s how far it is: %w", workflowID, err)
	}
	return p, nil
}

// PreviousAudit is the newest audit of the account that ended with a result and is not the given run; false if there is
// none. The server's list is behind by a second at most.
func (r *Runs) PreviousAudit(ctx context.Context, account, notRun string) (offboard.AuditDigest, bool, error) {
	op := "find the audit before this one"
	answer, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Completed' AND %s = '%s'",
			workflows.Audit, workflows.AccountAttribute.GetName(), strings.ReplaceAll(account, "'", "''")),
		PageSize: 10,
	})
	if err != nil {
		return offboard.AuditDigest{}, false, offboard.Errorf(offboard.Unavailable, op, "%v", err)
	}
	var id, run string
	var newest time.Time
	for _, e := range answer.GetExecutions() {
		if began := e.GetStartTime().AsTime(); e.GetExecution().GetRunId() != notRun && began.After(newest) {
			id, run, newest = e.GetExecution().GetWorkflowId(), e.GetExecution().GetRunId(), began
		}
	}
	if id == "" {
		return offboard.AuditDigest{}, false, nil
	}
	audit, err := r.WaitAudit(ctx, id, run)
	if err != nil {
		return offboard.AuditDigest{}, false, offboard.Errorf(offboard.Unavailable, op, "%v", err)
	}
	return audit.Digest(), true, nil
}

// Scheduled says when audits are made.
type Scheduled struct {
	ID      string      `json:"id"`
	When    string      `json:"when"` // as given; empty: never any more
	Created bool        `json:"created,omitempty"`
	Removed bool        `json:"removed,omitempty"`
	Next    []time.Time `json:"next,omitempty"` // the next few, UTC
}

// auditCatchUp is how late an audit may begin that was missed while Temporal was away; a later one comes with its turn.
const auditCatchUp = time.Hour

// ScheduleAudit has audits made at the times a cron expression says, in UTC unless it begins with CRON_TZ=. There is one
// Schedule for an account: asked for again, it is changed. *offboard.InvalidInput for an expression that the server does
// not understand.
func (r *Runs) ScheduleAudit(ctx context.Context, when string, request offboard.AuditRequest) (Scheduled, error) {
	account, err := r.account(offboard.Request{Account: request.Account})
	if err != nil {
		return Scheduled{}, err
	}
	result := Scheduled{ID: workflows.AuditID(account), When: when}
	spec := client.ScheduleSpec{CronExpressions: []string{when}}
	action := &client.ScheduleWorkflowAction{ID: result.ID, Workflow: workflows.Audit, Args: []any{request}, TaskQueue: workflows.TaskQueue,
		StaticSummary: workflows.AuditOptions(account).StaticSummary}
	schedules := r.client.ScheduleClient()
	_, err = schedules.Create(ctx, client.ScheduleOptions{ID: result.ID, Spec: spec, Action: action,
		Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: auditCatchUp, Note: "Made by starter audit --schedule"})
	result.Created = err == nil
	handle := schedules.GetHandle(ctx, result.ID)
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			in.Description.Schedule.Spec, in.Description.Schedule.Action = &spec, action
			return &client.ScheduleUpdate{Schedule: &in.Description.Schedule}, nil
		}})
	}
	if wrong, yes := errors.AsType[*serviceerror.InvalidArgument](err); yes {
		return Scheduled{}, &offboard.InvalidInput{Problems: []string{fmt.Sprintf("the server does not take the schedule %q: %s", when, wrong.Message)}, Example: `--schedule "0 6 * * 1"`}
	}
	if err != nil {
		return Scheduled{}, fmt.Errorf("schedule audits of account %s: %w", account, err)
	}
	d, err := handle.Describe(ctx)
	if err != nil {
		return Scheduled{}, fmt.Errorf("look at the schedule %s: %w", result.ID, err)
	}
	for _, next := range d.Info.NextActionTimes[:min(3, len(d.Info.NextActionTimes))] {
		result.Next = append(result.Next, next.UTC())
	}
	return result, nil
}

// UnscheduleAudit takes the Schedule away; audits under way go on. Nothing happens where there is none.
func (r *Runs) UnscheduleAudit(ctx context.Context, request offboard.AuditRequest) (Scheduled, error) {
	account, err := r.account(offboard.Request{Account: request.Account})
	if err != nil {
		return Scheduled{}, err
	}
	result := Scheduled{ID: workflows.AuditID(account)}
	err = r.client.ScheduleClient().GetHandle(ctx, result.ID).Delete(ctx)
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return result, nil
	}
	if err != nil {
		return Scheduled{}, fmt.Errorf("remove the schedule %s: %w", result.ID, err)
	}
	result.Removed = true
	return result, nil
}

// KeepAudit writes NAME.json, NAME.md and NAME.html like Keep, unsigned, and returns the path of the HTML file.
func (s Shelf) KeepAudit(ctx context.Context, name string, audit offboard.Audit) (string, error) {
	if s.dir == "" {
		return "", nil
	}
	fail := func(err error) (string, error) {
		return "", offboard.Errorf(offboard.Unavailable, "keep the audit "+name, "%v", err)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fail(err)
	}
	if err := s.put(name, audit); err != nil {
		return fail(err)
	}
	return s.page(name), nil
}
