"""Django settings of the hosted platform. Everything that differs between installations comes from the environment."""

from __future__ import annotations

from pathlib import Path

from automate_governance import logs
from automate_platform import environment as env
from automate_platform import reporting

HOME = env.home()
SECRETS_DIR = HOME / "secrets"
SECRET_KEY = env.secret("DJANGO_AUTOMATE_SECRET_KEY", SECRETS_DIR / "django")
LIVE_SECRET = env.secret("DJANGO_AUTOMATE_LIVE_SECRET", SECRETS_DIR / "live")  # signs the tokens of /live/
KEY_STORE_DIR = Path(env.text("DJANGO_AUTOMATE_KEY_STORE") or HOME / "keys")  # never inside PostgreSQL or its backups
DEBUG = False
BASE_URL = env.text("DJANGO_AUTOMATE_BASE_URL", "http://127.0.0.1:8000")  # of the app's host: sign-up, API, hooks
INTERNAL_URL = env.text("DJANGO_AUTOMATE_INTERNAL_URL") or BASE_URL  # the same gateway, as a worker reaches it
ALLOWED_HOSTS = env.allowed_hosts("DJANGO_AUTOMATE_ALLOWED_HOSTS", BASE_URL)

TRUSTED_PROXY_COUNT = 1 + int(env.text("DJANGO_AUTOMATE_TRUSTED_PROXIES", "0"))  # the gateway and those before
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # always set by the gateway, never passed on from outside
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BASE_URL.startswith("https://")

# The application connects as automate_app, which may not run DDL; what it works on belongs to automate_owner.
DATABASE_URL = env.secret("DATABASE_URL", SECRETS_DIR / "database-url")
OWNER_DATABASE_URL = env.owner_database_url(SECRETS_DIR / "owner-database-url")
IS_OWNER_PROCESS = env.flag("DJANGO_AUTOMATE_AS_OWNER")  # set by `automate migrate` for itself
DATABASES = {
    "default": {
        **env.database(OWNER_DATABASE_URL if IS_OWNER_PROCESS else DATABASE_URL),
        "ENGINE": "automate_tenants.backend",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
TENANT_MODEL = "automate_tenants.Tenant"
TENANT_DOMAIN_MODEL = "automate_tenants.Domain"
TENANT_LIMIT_SET_CALLS = True  # needs the fail-closed backend and django-tenants >= 4.0.1
SKIP_PG_EXTRA_VALIDATION = True

SHARED_APPS = [
    "automate_platform.operators",
    "django.contrib.admin.apps.SimpleAdminConfig",  # before django_tenants, which replaces templates of its
    "django_tenants",
    "automate_tenants",
    "automate_billing",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "automate_web",  # before allauth: its templates take the place of allauth's
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
]
TENANT_APPS = [
    "automate",
    "automate_llm",
    "automate_governance",
    "automate_tenants.notifications",
    "automate_billing.metering",
]
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]

MIDDLEWARE = [
    "automate_web.health.probes",  # before everything: it must answer whatever host, workspace or person is named
    "django.middleware.security.SecurityMiddleware",
    "automate_web.static_files.StaticFiles",
    "automate_web.compression.CompressedPages",
    "automate_tenants.middleware.TraceMiddleware",
    "automate_web.security.security_headers",
    "automate_web.preferences.theme_follows",
    "automate_tenants.middleware.WorkspaceMiddleware",  # which tenant; sets SCRIPT_NAME for /w/<workspace>/
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "automate_tenants.middleware.MembershipMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "automate_web.errors.normalized_errors",  # a page's NormalizedError becomes its error page
]
ROOT_URLCONF = "automate_platform.urls"
OPERATORS_URLCONF = "automate_platform.operators.urls"  # of the host admin.<base>, and of no other
OPERATORS_ERROR_TEMPLATE = "operators/error.html"  # what errors look like there
WSGI_APPLICATION = "automate_platform.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "automate_web.context.portal",
            ]
        },
    }
]

AUTHENTICATION_BACKENDS = [
    "automate_tenants.permissions.MembershipBackend",  # has_perm from the role in the current tenant
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [  # the first for new passwords; one kept by another is renewed at its next log-in
    "automate_web.accounts.hashers.Argon2id",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # by a code of ours on the start page: automate_web.accounts.email_code
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = "strict"  # sign-up with a known e-mail answers as with an unknown one
ACCOUNT_CHANGE_EMAIL = True  # one address a person; a new one counts once its letter was answered
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a letter for every change of password, address or second factor
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # before any of them
MFA_ADAPTER = "automate_web.accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["recovery_codes", "totp", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Django Automate"
MFA_TOTP_TOLERANCE = 1  # a clock half a minute off
MFA_ALLOW_UNVERIFIED_EMAIL = True  # accounts.second_factor asks for a confirmed address before a factor is added
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not BASE_URL.startswith("https://")  # http://localhost
ACCOUNT_ADAPTER = "automate_web.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "automate_web.accounts.forms.LoginForm",
    "reset_password": "automate_web.accounts.forms.ResetForm",
    "signup": "automate_web.accounts.forms.SignupForm",
}
CSRF_FAILURE_VIEW = "automate_web.errors.csrf_failure"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "KEY_FUNCTION": "automate_tenants.context.cache_key",
    }
}
EMAIL_BACKEND = "automate_web.mailbox.MailboxBackend"  # a page, at home
MAILBOX_DIR = HOME / "mail"
if mail := env.mail_server("DJANGO_AUTOMATE_SMTP_URL", env.text("DJANGO_AUTOMATE_SMTP_URL")):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = mail.host, mail.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = mail.user, mail.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = mail.use_starttls, mail.use_tls_from_start
    EMAIL_TIMEOUT = 10  # seconds: a page waits for it
DEFAULT_FROM_EMAIL = env.text("DJANGO_AUTOMATE_FROM_EMAIL", "automate@localhost")

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("DJANGO_AUTOMATE_STATIC_ROOT", str(HOME / "static")))  # `automate web` fills it
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "automate_web.static_files.HashedFiles"},
}
WHITENOISE_USE_FINDERS = True  # plain names too: what names them by hand, and processes that collected nothing

LOGGING_SCHEMA = env.text("DJANGO_AUTOMATE_LOGGING_SCHEMA", "ecs")
LOGGING = logs.config(LOGGING_SCHEMA)  # to stderr, which `automate up` keeps in HOME/log; every line is redacted
SENTRY_DSN = env.text("DJANGO_AUTOMATE_SENTRY_DSN") or env.text("SENTRY_DSN")
reporting.start(SENTRY_DSN)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["automate_web.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["automate_web.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["automate_web.api.json.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["automate_web.api.json.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "automate_web.api.errors.exception_handler",
}

DJANGO_AUTOMATE = {
    "LOGGING_SCHEMA": LOGGING_SCHEMA,
    "METRICS_EXPORT": env.address("DJANGO_AUTOMATE_WORKER_LISTEN") is not None,  # at that address, beside /healthz
    "SECRETS": env.secrets_backend("DJANGO_AUTOMATE_SECRETS_BACKEND", "DJANGO_AUTOMATE_VAULT"),
    "HOST": "automate_billing.host.PlanHost",
    "EMAIL": {"backend": "none"},  # this installation's mail server is not the workspaces': they bring their own
    "SIGNALS": {"enabled": False},  # no customer's models run here: publishing such a trigger is refused
    "EXECUTION": {
        "batch_size": int(env.text("DJANGO_AUTOMATE_EXECUTION_BATCH_SIZE", "100")),
        "lease_seconds": float(env.text("DJANGO_AUTOMATE_EXECUTION_LEASE_SECONDS", "30")),
    },
    "LLM": {"HOST": "automate_tenants.llm_host.TenantLLMHost"},
    "BILLING": {
        "plans": env.text("DJANGO_AUTOMATE_PLANS"),  # a file; "": those that come with it
        "default_plan": env.text("DJANGO_AUTOMATE_DEFAULT_PLAN", "unlimited"),
    },
    "POLICY": {
        # The built-in echo endpoint and, in benchmarks, sinks: exact host:port, this installation only.
        "private_targets": env.private_targets("DJANGO_AUTOMATE_PRIVATE_TARGETS", INTERNAL_URL),
    },
}
