package activities

import (
	"context"
	"strings"

	"offboard/internal/atonce"
	"offboard/internal/offboard"
)

// AdmitInput names a person by e-mail address or IAM ID.
type AdmitInput struct {
	User string `json:"user"`
}

// Admit reads what must be known before a request is admitted. It changes nothing.
func (a *Activities) Admit(ctx context.Context, in AdmitInput) (offboard.Admission, error) {
	var engine offboard.Identity
	var account offboard.Account
	var people []offboard.Person
	err := atonce.Do(
		func() (err error) { engine, err = a.users.WhoAmI(ctx); return err },
		func() (err error) { account, err = a.users.Account(ctx); return err },
		func() (err error) { people, err = a.users.People(ctx); return err },
	)
	if err != nil {
		return offboard.Admission{}, err
	}
	account.VisibleUsers = len(people)
	adm := offboard.Admission{Account: account, Engine: engine, FunctionalIDs: a.successors.Emails(), Policy: a.policy, Notifies: a.notifier != nil}
	addresses := make([]string, len(people))
	for i, p := range people {
		addresses[i] = p.Email
		if p.IAMID == engine.IAMID {
			adm.Engine.Email = p.Email
		}
		if strings.EqualFold(p.Email, in.User) || strings.EqualFold(p.IAMID, in.User) {
			adm.People = append(adm.People, p)
		}
	}
	if len(adm.People) == 0 {
		adm.Similar = offboard.SimilarTo(in.User, addresses)
	}
	return adm, nil
}

// FindHolderInput names a claim.
type FindHolderInput struct {
	Claim string `json:"claim"`
}

// FindHolderResult names the run that holds it; empty if it is free again.
type FindHolderResult struct {
	WorkflowID string `json:"workflowId,omitempty"`
}

// FindHolder finds the run that holds a person. It changes nothing.
func (a *Activities) FindHolder(ctx context.Context, in FindHolderInput) (FindHolderResult, error) {
	id, err := a.runs.Holder(ctx, in.Claim)
	return FindHolderResult{WorkflowID: id}, err
}
