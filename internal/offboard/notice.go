package offboard

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// NoticeKind is the occasion of a notice.
type NoticeKind string

// The occasions.
const (
	NoticePlanReady        NoticeKind = "planReady"        // a plan waits for a yes
	NoticeApprovalReminder NoticeKind = "approvalReminder" // it still does
	NoticeNeedsPerson      NoticeKind = "needsPerson"      // something is on hold
	NoticeEnded            NoticeKind = "ended"            // the run is over, however it ended
)

// NoticeKinds are all occasions, in the order they come up.
func NoticeKinds() []NoticeKind {
	return []NoticeKind{NoticePlanReady, NoticeApprovalReminder, NoticeNeedsPerson, NoticeEnded}
}

// Notice tells people outside of Temporal that a run wants something of them, or is over. It holds no secret.
type Notice struct {
	// ID is the same for every attempt to deliver this notice and different for every other: a receiver that remembers it
	// can drop repeats.
	ID         string     `json:"id"`
	Kind       NoticeKind `json:"kind"`
	At         time.Time  `json:"at"`
	Account    string     `json:"account"`
	Namespace  string     `json:"namespace"`
	WorkflowID string     `json:"workflowId"`
	RunID      string     `json:"runId"`
	Leaver     string     `json:"leaver,omitempty"` // e-mail address; empty where scopes are moved
	Status     Status     `json:"status"`
	Phase      Phase      `json:"phase"`
	Title      string     `json:"title"`        // one line
	Text       string     `json:"text"`         // paragraphs, plain text
	Due        time.Time  `json:"due,omitzero"` // when the engine stops waiting for an answer
	// Digest is the plan that waits for a yes, and Subject the hold that waits for an answer.
	Digest  string `json:"digest,omitempty"`
	Subject string `json:"subject,omitempty"`
}

// notice fills in what every notice of a run says.
func (p *Progress) notice(kind NoticeKind, now time.Time, number int) Notice {
	return Notice{
		ID: fmt.Sprintf("%s/%d", p.RunID, number), Kind: kind, At: now,
		Account: p.Account, Namespace: p.Namespace, WorkflowID: p.WorkflowID, RunID: p.RunID,
		Leaver: cmp.Or(p.Leaver.Email, p.Request.User), Status: p.Status, Phase: p.Phase,
	}
}

// aim says what a run is about in one of three sentences: somebody leaves, scopes are moved, or keys are pruned.
func (p *Progress) aim(leaving, moving, pruning string) string {
	if p.Prune != nil {
		return fmt.Sprintf(pruning, p.Prune)
	}
	if p.Move != nil {
		return fmt.Sprintf(moving, p.Move)
	}
	return fmt.Sprintf(leaving, cmp.Or(p.Leaver.Email, p.Request.User))
}

// ApprovalNotice says that the plan waits for a yes, or still does. Number counts the notices of the run.
func (p *Progress) ApprovalNotice(kind NoticeKind, now, due time.Time, number int) Notice {
	n := p.notice(kind, now, number)
	n.Due, n.Digest = due, p.Plan.Digest
	n.Title = p.aim("The plan to offboard %s waits for approval", "The plan to move %s waits for approval", "The plan to prune %s waits for approval")
	if kind == NoticeApprovalReminder {
		n.Title = p.aim("The plan to offboard %s still waits for approval", "The plan to move %s still waits for approval", "The plan to prune %s still waits for approval")
	}
	text := []string{planInWords(*p.Plan)}
	if questions := count(p.Plan.Findings, Decision); questions > 0 {
		text = append(text, fmt.Sprintf("The approval needs %s.", counted(questions, "answer", "answers")))
	}
	text = append(text, fmt.Sprintf("Read the plan, then say yes to digest %s or reject it. Nothing is changed before.", p.Plan.Digest))
	n.Text = strings.Join(text, "\n\n")
	return n
}

// HoldNotice says that the run waits for a person's answer.
func (p *Progress) HoldNotice(h Hold, now time.Time, number int) Notice {
	n := p.notice(NoticeNeedsPerson, now, number)
	n.Due, n.Subject = h.Until, h.Subject
	n.Title = p.aim("The offboarding of %s needs a person: ", "The move of %s needs a person: ", "The prune of %s needs a person: ") + h.Subject
	text := []string{h.Problem, h.Means, "retry: " + h.Retry + "."}
	if h.Skip != "" {
		text = append(text, "skip: "+h.Skip+".")
	}
	n.Text = strings.Join(append(text, "abort: "+h.Abort+"."), "\n\n")
	return n
}

// RefusalNotice says that the account or the policy forbids what was asked for, so the run ended before it began.
func (p *Progress) RefusalNotice(why string, now time.Time, number int) Notice {
	n := p.notice(NoticeEnded, now, number)
	n.Title = p.aim("The offboarding of %s was not started", "The move of %s was not started", "The prune of %s was not started")
	n.Text = why
	return n
}

// EndNotice says how the run ended.
func (r Report) EndNotice(now time.Time, number int) Notice {
	n := r.Progress.notice(NoticeEnded, now, number)
	n.Status = r.Status
	n.Title = r.Progress.aim("The offboarding of %s ended: ", "The move of %s ended: ", "The prune of %s ended: ") + string(r.Status)
	text := []string{r.Message}
	if len(r.Progress.Residual) > 0 {
		text = append(text, "What remains:\n- "+strings.Join(r.Progress.Residual, "\n- "))
	}
	if !r.AccessEnds.IsZero() && r.AliveKeys == 0 {
		text = append(text, "Access ends no later than "+clock(r.AccessEnds)+".")
	}
	n.Text = strings.Join(text, "\n\n")
	return n
}
