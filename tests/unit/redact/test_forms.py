"""Every provider's form, one by one: a rule of several has but one test pair of its own."""

from __future__ import annotations

import re

import pytest

from ops.sample.dice import Dice
from sluice.redact.redactor import Redactor
from sluice.redact.rules import load_rules

LETTERS = {
    "h": "0123456789abcdef",
    "d": "0123456789",
    "w": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "u": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_",
    "A": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
# {w36}: 36 random letters of that alphabet, so that no scanner takes this table for a leak.
FORMS = [
    ("AWS", "AWS_KEY", "ABIA{A0}ABCDEFGHIJ234567"),
    ("AWS Bedrock, short", "AWS_KEY", "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t{w200}=="),
    ("Anthropic admin", "ANTHROPIC_KEY", "sk-ant-admin01-{u80}AA"),
    ("OpenAI service account", "OPENAI_KEY", "sk-svcacct-{u60}7"),
    ("OpenAI, older", "OPENAI_KEY", "sk-{w20}T3BlbkFJ{w20}"),
    ("DeepSeek", "OPENAI_KEY", "sk-{h31}a"),
    ("Google access token", "GOOGLE_TOKEN", "ya29.{u120}"),
    ("Google refresh token", "GOOGLE_TOKEN", "1//0{u60}"),
    ("GitHub refresh token", "GITHUB_TOKEN", "ghr_{w76}"),
    ("GitLab runner", "GITLAB_TOKEN", "glrt-{w19}7"),
    ("Slack app", "SLACK_TOKEN", "xapp-1-A{A10}-{d13}-{h64}"),
    ("Slack refresh", "SLACK_TOKEN", "xoxe.xoxp-1-{w160}7"),
    ("Stripe restricted", "STRIPE_KEY", "rk_live_{w24}"),
    ("Stripe webhook", "STRIPE_KEY", "whsec_{w32}"),
    ("Hugging Face organisation", "HUGGINGFACE_TOKEN", "api_org_{w34}"),
    ("Groq", "MODEL_KEY", "gsk_{w51}7"),
    ("Perplexity", "MODEL_KEY", "pplx-{w47}7"),
    ("Replicate", "MODEL_KEY", "r8_{w36}7"),
    ("xAI", "MODEL_KEY", "xai-{w79}7"),
    ("Pinecone", "MODEL_KEY", "pcsk_{w5}_{w60}7"),
    ("LangSmith", "MODEL_KEY", "lsv2_pt_{h32}_{h9}7"),
    ("Fireworks", "MODEL_KEY", "fw_{w23}7"),
    ("NVIDIA", "MODEL_KEY", "nvapi-{u63}7"),
    ("Tavily", "MODEL_KEY", "tvly-dev-{w31}7"),
    ("PyPI", "REGISTRY_TOKEN", "pypi-AgEIcHlwaS5vcmc{u130}7"),
    ("RubyGems", "REGISTRY_TOKEN", "rubygems_{h48}"),
    ("Docker", "REGISTRY_TOKEN", "dckr_pat_{u26}7"),
    ("crates.io", "REGISTRY_TOKEN", "cio{w31}7"),
    ("Mailgun", "MESSAGING_KEY", "key-{h32}"),
    ("Mailchimp", "MESSAGING_KEY", "{h32}-us21"),
    ("Telegram", "MESSAGING_KEY", "{d10}:AA{u33}"),
    ("Resend", "MESSAGING_KEY", "re_{w8}_{w24}"),
    ("DigitalOcean", "CLOUD_TOKEN", "dop_v1_{h64}"),
    ("Shopify", "CLOUD_TOKEN", "shpat_{h32}"),
    ("Square", "CLOUD_TOKEN", "sq0atp-{u22}"),
    ("Square, newer", "CLOUD_TOKEN", "EAAA{w60}"),
    ("Heroku", "CLOUD_TOKEN", "HRKU-AA{u58}"),
    ("Fly", "CLOUD_TOKEN", "fo1_{u43}"),
    ("Fly, newer", "CLOUD_TOKEN", "FlyV1 fm2_{w200}"),
    ("Supabase", "CLOUD_TOKEN", "sbp_{h40}"),
    ("Supabase, newer", "CLOUD_TOKEN", "sb_secret_{u31}"),
    ("Cloudflare", "CLOUD_TOKEN", "v1.0-{h24}-{h146}"),
    ("Tailscale", "CLOUD_TOKEN", "tskey-auth-{w12}-{w32}"),
    ("Doppler", "CLOUD_TOKEN", "dp.pt.{w43}"),
    ("Vault", "OPS_TOKEN", "hvb.{u138}"),
    ("Terraform", "OPS_TOKEN", "{w14}.atlasv1.{u67}"),
    ("Grafana cloud", "OPS_TOKEN", "glc_{w100}=="),
    ("Grafana", "OPS_TOKEN", "glsa_{w32}_{h8}"),
    ("New Relic", "OPS_TOKEN", "NRAK-{A27}"),
    ("Sentry organisation", "OPS_TOKEN", "sntrys_eyJ{w120}"),
    ("Sentry user", "OPS_TOKEN", "sntryu_{h64}"),
    ("Dynatrace", "OPS_TOKEN", "dt0c01.{A24}.{A64}"),
    ("Atlassian", "APP_TOKEN", "ATATT3{u180}7"),
    ("Linear OAuth", "APP_TOKEN", "lin_oauth_{w63}7"),
    ("Notion", "APP_TOKEN", "ntn_{w45}7"),
    ("Notion, older", "APP_TOKEN", "secret_{w42}7"),
    ("Airtable", "APP_TOKEN", "pat{w14}.{h64}"),
    ("Postman", "APP_TOKEN", "PMAK-{h24}-{h34}"),
    ("Figma", "APP_TOKEN", "figd_{u40}7"),
    ("1Password", "APP_TOKEN", "ops_eyJ{w300}"),
    ("Dropbox", "APP_TOKEN", "sl.{u140}7"),
    ("Entra", "AZURE_KEY", "{w3}8Q~{w33}"),
    ("GPG", "PRIVATE_KEY", "-----BEGIN PGP PRIV" + "ATE KEY BLOCK-----\n\n{w64}\n=ab12\n-----END PGP PRIVATE KEY BLOCK-----"),
    ("encrypted PEM", "PRIVATE_KEY", "-----BEGIN RSA PRIV" + "ATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,{A32}\n\n{w64}\n-----END RSA PRIVATE KEY-----"),
    ("JWE", "JWT", "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.{u60}.{u16}.{u60}.{u22}"),
]  # fmt: skip


def written(template: str) -> str:
    dice = Dice(len(template))
    return re.sub(
        r"\{([hdwuA])(\d+)\}",
        lambda m: "".join(dice.pick(LETTERS[m[1]]) for _ in range(int(m[2]))),
        template,
    )


@pytest.mark.parametrize(("kind", "template"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS])
def test_form(kind: str, template: str) -> None:
    """A provider's secret is found as its kind, whole, and not when its last half is missing."""
    secret = written(template)

    assert Redactor().text(f"the key {secret}, that is it") == f"the key <{kind}>, that is it"
    if kind not in {"PRIVATE_KEY", "JWT"}:
        assert f"<{kind}>" not in Redactor().text(secret[: len(template) // 4 + 4])


def test_kinds_of_several_forms() -> None:
    """The table has only kinds that there are."""
    assert {kind for _, kind, _ in FORMS} <= {rule.kind for rule in load_rules()}
