"""The `weiyu` command: one door for everything that is done from a terminal."""

from __future__ import annotations

from service.cli.lazily import Commands, Told

COMMANDS = {
    "serve": Told(
        "service.cli.serving:serve", "启动服务。数据库须已迁移；未设 WEIYU_DATABASE_URL 时使用内置 PostgreSQL。"
    ),
    "push": Told(
        "service.cli.pushing:push", "只发送预警，不提供接口。可同时运行多个；服务进程设 WEIYU_PUSH_WORKERS=0。"
    ),
    "demo": Told(
        "service.cli.demo:demo", "迁移并启动服务。空库先装入一个虚构的示例区（90 天模拟数据），并持续有少量新报告。"
    ),
    "migrate": Told("service.cli.migrating:migrate", "把数据库迁移到当前版本。可重复执行；多个进程同时执行也安全。"),
    "import": Told("service.cli.files:importing", "从文件装入"),
    "export": Told("service.cli.files:exporting", "导出到文件"),
    "survey": Told("service.cli.surveys:app", "问卷：核对、导入（只计数，不保存答卷）"),
    "keys": Told("service.cli.keys:app", "密钥：创建、列出、吊销"),
    "rules": Told("service.cli.rules:app", "规则库：核对、测试、解释"),
    "routes": Told("service.cli.routes:app", "路由：核对、试算、显示"),
    "models": Told("service.cli.models:app", "模型：列出、登记、训练、启用、退回、交回规则"),
    "pool": Told("service.cli.pooling:app", "规则与模型的合并：按本地结果学习、比较、启用"),
    "trail": Told("service.cli.trail:app", "项目留痕：核对"),
    "train": Told("service.cli.training:train", "用模拟事项训练升级模型，写出模型与模型卡（如实注明为模拟数据）。"),
    "simulate": Told(
        "service.cli.simulating:simulate", "写出模拟的区：报告、答复、重大事项，以及只有模拟才知道的真相。全部虚构。"
    ),
    "evaluate": Told("service.cli.evaluating:app", "评估学习器：在任意事件表上，与基础率、逻辑回归、分组历史比较。"),
    "replay": Told(
        "service.cli.replaying:app",
        "回测：把一段历史按当时的时刻重新走一遍服务，与后来的结果对照。另建临时库，不改动本服务的数据。",
    ),
}
app = Commands("weiyu", "Weiyu 未雨：区县矛盾纠纷预警与评估服务", COMMANDS)
