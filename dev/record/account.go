package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"go.temporal.io/sdk/client"

	"offboard/internal/offboard"
	"offboard/workflows"
)

// The people who change the account while a run is under way, and the services they do it with.
const (
	owner      = "owner@acme.example"
	functional = "clusters-1@acme.example"

	leaverID     = "IBMid-270006LEAV"
	functionalID = "IBMid-270006FUNC" // where the account says so

	iam        = "/iam"
	users      = "/user-management"
	containers = "/containers/global"
)

// errRefused says that the account did not let a person do something.
var errRefused = errors.New("it was refused")

// as sends a request of a person who is logged in. The headers come in pairs.
func (p *play) as(who, method, path string, body any, headers ...string) http.Header {
	if p.err != nil {
		return nil
	}
	token, ok := p.Sim.Login(who)
	if !ok {
		p.fail("log in", errors.New(who+" is nobody"))
		return nil
	}
	var content io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			p.fail("write a request", err)
			return nil
		}
		content = bytes.NewReader(text)
	}
	// The simulator is a handler, so nothing goes over the network.
	request := httptest.NewRequestWithContext(p.ctx, method, p.Sim.URL+path, content)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response := httptest.NewRecorder()
	p.Sim.ServeHTTP(response, request)
	if response.Code >= http.StatusMultipleChoices {
		p.fail(method+" "+path, fmt.Errorf("%w with %d: %s", errRefused, response.Code, response.Body))
	}
	return response.Header()
}

// newKey lets the leaver make a key that no plan knows.
func (p *play) newKey() {
	p.as(leaver, http.MethodPost, iam+"/v1/apikeys", map[string]string{"name": "brand-new", "iam_id": leaverID, "account_id": p.Sim.AccountID()})
}

// fills lets the functional ID make keys until it may have no more.
func (p *play) fills() {
	for i := 0; p.err == nil; i++ {
		p.as(functional, http.MethodPost, iam+"/v1/apikeys", map[string]string{"name": fmt.Sprintf("build-%d", i), "iam_id": functionalID, "account_id": p.Sim.AccountID()})
	}
	if errors.Is(p.err, errRefused) {
		p.err = nil
	}
}

// key is the path of a key of the leaver by its name in the plan.
func (p *play) key(name string) string {
	now := p.until("the key "+name, func(now offboard.Progress) bool { return now.Plan != nil })
	if now.Plan != nil {
		for _, k := range now.Plan.Keys {
			if k.Name == name {
				return iam + "/v1/apikeys/" + k.ID
			}
		}
		p.fail("find the key", errors.New("the plan has none with the name "+name))
	}
	return ""
}

// newCluster lets the owner make a cluster in the first scope.
func (p *play) newCluster() {
	p.as(owner, http.MethodPost, containers+"/v2/vpc/createCluster", map[string]any{"name": "brand-new", "provider": "vpc-gen2",
		"workerPool": map[string]any{"name": "default", "flavor": "bx2.4x16", "vpcID": "r010-0000", "workerCount": 1, "zones": []any{map[string]any{"id": "eu-de-1"}}}})
}

func (p *play) removeCluster(name string) {
	p.as(owner, http.MethodDelete, containers+"/v1/clusters/"+name, nil)
}

func (p *play) user(iamID string) string {
	return users + "/v2/accounts/" + p.Sim.AccountID() + "/users/" + iamID
}

// invites lets the owner invite the functional ID.
func (p *play) invites() {
	p.as(owner, http.MethodPost, users+"/v2/accounts/"+p.Sim.AccountID()+"/users", map[string]any{"users": []any{map[string]any{"email": functional, "account_role": "Member"}}})
}

// longerTokens lets the owner make access tokens live for twenty minutes.
func (p *play) longerTokens() {
	settings := iam + "/v1/accounts/" + p.Sim.AccountID() + "/settings/identity"
	tag := p.as(owner, http.MethodGet, settings, nil).Get("ETag")
	p.as(owner, http.MethodPut, settings, map[string]string{"system_access_token_expiration_in_seconds": "1200"}, "If-Match", tag)
}

// takesKey makes the functional ID the owner of a scope's key, as another run would.
func (p *play) takesKey(region, group string) {
	p.as(functional, http.MethodPost, containers+"/v1/keys", nil, "X-Region", region, "X-Auth-Resource-Group", group)
}

// terminate ends a workflow by force, as an operator can.
func (p *play) terminate(id string) {
	if p.err == nil {
		p.fail("terminate "+id, p.Connection.TerminateWorkflow(p.ctx, id, "", "by an operator"))
	}
}

// blockClaim starts a workflow that holds the leaver for no run.
func (p *play) blockClaim() {
	if p.err != nil {
		return
	}
	claim := strings.Replace(workflows.ID(p.Config.Account, leaverID), "offboard/", "offboard-claim/", 1)
	run, err := p.Connection.ExecuteWorkflow(p.ctx, client.StartWorkflowOptions{ID: claim, TaskQueue: workflows.TaskQueue}, workflows.Claim)
	if err != nil {
		p.fail("hold the person", err)
		return
	}
	p.others = append(p.others, execution{run.GetID(), run.GetRunID()})
}
