package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"offboard/internal/offboard"
)

// moveFields are the flags of handover and the fields of the input they fill.
var moveFields = map[string]string{
	"scope": "scopes", "owned-by": "ownedBy", "all-personal": "allPersonal", "mode": "mode", "approval": "approval",
	"on-failure": "onFailure", "functional-id": "functionalIds", "account": "account", "reason": "reason", "ticket": "ticket",
	"requested-by": "requestedBy",
}

func (p *program) handoverCommand() *cobra.Command {
	var yes bool
	var region, group string
	var t then
	cmd := &cobra.Command{
		Use:   "handover --scope REGION/GROUP | --region R --resource-group G | --owned-by PERSON | --all-personal",
		Short: "Move clusters off personal keys although nobody leaves",
		Long: `Handover hands scopes over to a functional ID as an offboarding does: with a plan, an approval, every check and the same
undo. No key is retired and nobody is removed. Scopes that a functional ID owns already are left alone.`,
		Example: `  starter handover --all-personal --mode plan --wait
  starter handover --region eu-de --resource-group shop --requested-by you@acme.example
  starter handover --scope eu-de/shop --scope us-south/data --requested-by you@acme.example --follow
  starter handover --owned-by colleague@acme.example --ticket OPS-7`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			values := givenAs(moveFields, cmd.Flags())
			if err := nameScope(values, region, group); err != nil {
				return err
			}
			data, err := json.Marshal(values)
			if err != nil {
				return fmt.Errorf("write the input: %w", err)
			}
			request, err := offboard.DecodeMoveRequest(data)
			if err != nil {
				return err
			}
			if !yes && request.Mode == offboard.ModeExecute {
				if err := p.typeAgain("This resets the cluster keys of "+request.String()+". Type yes to go on:", "yes", request.Approval == offboard.ApprovalNone); err != nil {
					return err
				}
			}
			return p.startMove(cmd.Context(), request, t)
		},
	}
	f := cmd.Flags()
	scopeFlags(cmd, &region, &group)
	f.String("owned-by", "", "every scope whose key this person owns: an e-mail address")
	f.Bool("all-personal", false, "every scope whose key a person owns who is no functional ID")
	runFlags(cmd)
	f.BoolVar(&yes, "yes", false, "do not ask")
	t.flags(cmd)
	complete(cmd, "owned-by", cobra.NoFileCompletions)
	return cmd
}

// scopeFlags adds the flags that name scopes.
func scopeFlags(cmd *cobra.Command, region, group *string) {
	f := cmd.Flags()
	f.StringArray("scope", nil, "region and resource group, by name or ID, as in eu-de/shop (repeatable)")
	f.StringVar(region, "region", "", "with --resource-group: one scope")
	f.StringVar(group, "resource-group", "", "with --region: one scope, by the group's name or ID")
	for _, free := range []string{"scope", "region", "resource-group"} {
		complete(cmd, free, cobra.NoFileCompletions)
	}
}

// nameScope adds the scope that two flags name to those of the input.
func nameScope(values map[string]any, region, group string) error {
	if region == "" && group == "" {
		return nil
	}
	if region == "" || group == "" {
		return usage("--region and --resource-group belong together")
	}
	named, _ := values["scopes"].([]string)
	values["scopes"] = append(named, region+"/"+group)
	return nil
}

func (p *program) startMove(ctx context.Context, request offboard.MoveRequest, t then) error {
	r, disconnect, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer disconnect()
	started, err := r.Move(ctx, request)
	if err != nil {
		return err
	}
	return p.started(ctx, r, started, started.WorkflowID, t)
}
