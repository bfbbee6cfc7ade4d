package main

import (
	"errors"
	"time"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// audit begins the audit that is recorded, as any client may.
func (p *play) audit(args ...any) {
	p.run = p.beginAs(workflows.Audit, "offboard-audit/recorded", args...)
}

// audited waits for the result of the audit, which must have a finding of each kind.
func (p *play) audited(kinds ...offboard.AuditKind) offboard.Audit {
	var audit offboard.Audit
	if p.err != nil {
		return audit
	}
	if err := p.Connection.GetWorkflow(p.ctx, p.run.id, p.run.run).Get(p.ctx, &audit); err != nil {
		p.fail("wait for the audit", err)
		return audit
	}
	found := map[offboard.AuditKind]bool{}
	for _, f := range audit.Findings {
		found[f.Kind] = true
	}
	for _, kind := range kinds {
		if !found[kind] {
			p.fail("read the audit", errors.New("it found nothing of the kind "+string(kind)))
		}
	}
	return audit
}

// begun waits until an activity of the audit is under way.
func (p *play) begun(activity string) {
	for p.err == nil && p.events(activity) == 0 {
		if p.ctx.Err() != nil {
			p.fail("wait for "+activity, p.ctx.Err())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// unreadable makes a part of the account unreadable to the audit.
func unreadable(service, path string) func(p *play) {
	return func(p *play) {
		p.fault(refused(service, "GET", path))
		p.audit(input{"dependents": true})
		p.audited(offboard.AuditMissing)
	}
}

// auditPaths are audits, which change nothing.
func auditPaths() []scenario {
	const account = "audited"
	return []scenario{
		{name: "audit-lists", account: account, happens: func(p *play) {
			p.audit()
			p.audited(offboard.AuditPersonal, offboard.AuditUnproven, offboard.AuditRights)
		}},
		{name: "audit-deep", account: account, happens: func(p *play) {
			p.audit(input{"dependents": true, "everyKey": true, "requestedBy": requester})
			p.audited(offboard.AuditPersonal, offboard.AuditClassic, offboard.AuditFailing)
		}},
		{name: "audit-again", account: account, happens: func(p *play) {
			p.audit(input{})
			p.audited()
			p.others = append(p.others, p.run)
			p.newKey()
			p.audit(input{"reason": "weekly"})
			if audit := p.audited(); p.err == nil && audit.Differences == nil {
				p.fail("read the audit", errors.New("it did not find the one before"))
			}
		}},
		{name: "audit-unreadable-clusters", account: account, happens: unreadable("containers", "get.*Clusters$")},
		{name: "audit-unreadable-owners", account: account, happens: unreadable("containers", "clusterkeyowner$")},
		{name: "audit-unreadable-users", account: account, happens: unreadable("user-management", "/users$")},
		{name: "audit-unreadable-policies", account: account, happens: unreadable("iam-policy", "/policies$")},
		{name: "audit-unreadable-insides", account: account, happens: unreadable("containers", "getCluster$")},
		{name: "audit-invalid", happens: func(p *play) { p.audit(input{"dependants": true}); p.fails() }},
		{name: "audit-elsewhere", happens: func(p *play) { p.audit(input{"account": "another"}); p.fails() }},
		{name: "audit-refused", happens: func(p *play) {
			p.fault(refused("iam-identity", "GET", "/v1/apikeys/details$"))
			p.audit(input{})
			p.fails()
		}},
		{name: "audit-cancelled", account: account, happens: func(p *play) {
			p.fault(delayed("containers"))
			p.audit(input{})
			p.begun("AuditClusters")
			p.cancel()
			p.fails()
		}},
		{name: "open-audit", account: account, happens: func(p *play) {
			p.fault(delayed("user-management"))
			p.audit(input{"dependents": true})
			p.begun("AuditPeople")
		}},
	}
}
